"""The contract as it was released last, and stubs of it, made at run time."""

from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass, GetMessageClassesForFiles
from repository import ROOT

RELEASED = ROOT / "protos" / "released.binpb"
"""What buf built of protos/ at that release (CONTRIBUTING.md)."""


class ReleasedStubs:
    """Messages and calls of the released contract, of classes that share nothing with tihua.v1.

    Attributes:
        methods: every method, as `SearchService/Search`.
    """

    def __init__(self, channel: grpc.Channel) -> None:
        files = FileDescriptorSet.FromString(RELEASED.read_bytes()).file
        pool = DescriptorPool()
        for file in files:
            pool.Add(file)
        self._channel = channel
        self._pool = pool
        self._messages = GetMessageClassesForFiles([file.name for file in files], pool)
        self.methods = {
            f"{service.name}/{method.name}"
            for file in files
            if file.package == "tihua.v1"
            for service in file.service
            for method in service.method
        }

    def message(self, name: str, /, **fields: Any) -> Any:
        """Return a message of the contract."""
        return self._messages[f"tihua.v1.{name}"](**fields)

    def call(self, method: str, request: Any) -> Any:
        """Call a method; for a stream give and get iterators."""
        service, _, name = method.partition("/")
        descriptor = self._pool.FindServiceByName(f"tihua.v1.{service}").methods_by_name[name]
        path = f"/tihua.v1.{method}"
        codec: dict[str, Any] = {
            "request_serializer": GetMessageClass(descriptor.input_type).SerializeToString,
            "response_deserializer": GetMessageClass(descriptor.output_type).FromString,
        }
        if descriptor.client_streaming:
            return self._channel.stream_stream(path, **codec)(request, timeout=60)
        return self._channel.unary_unary(path, **codec)(request, timeout=60)
