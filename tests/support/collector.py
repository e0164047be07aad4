"""An OpenTelemetry collector for tests: receives spans over gRPC and keeps them."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as rpc
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector(rpc.TraceServiceServicer):
    """Keeps what was received.

    Attributes:
        address: where it listens.
        spans: in the order of their arrival.
        resource: attributes of the latest sender.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.address = ""
        self.spans: list[Span] = []
        self.resource: dict[str, Any] = {}

    def Export(  # noqa: N802  # the contract's name
        self, request: pb.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> pb.ExportTraceServiceResponse:
        """Receive spans."""
        for sender in request.resource_spans:
            self.resource = values_of(sender.resource.attributes)
            for scope in sender.scope_spans:
                self.spans.extend(scope.spans)
        return pb.ExportTraceServiceResponse()

    def wait_for(self, is_it: Callable[[Span], bool]) -> Span:
        """Wait for the first span for which `is_it` holds; return it."""
        until = time.monotonic() + 60
        while not (found := [span for span in list(self.spans) if is_it(span)]):
            assert time.monotonic() < until, f"only {[span.name for span in self.spans]} came"
            time.sleep(0.02)
        return found[0]

    def within(self, parent: Span) -> dict[str, Span]:
        """Return the child spans of `parent`, by name."""
        return {span.name: span for span in self.spans if span.parent_span_id == parent.span_id}


def values_of(attributes: Sequence[KeyValue]) -> dict[str, Any]:
    """Return attributes by key."""
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value")
        for pair in attributes
    }


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    rpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    collector.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(None).wait()
