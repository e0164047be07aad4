"""The retry delay that a full server asks for."""

from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tihua.v1 import embedding_service_pb2 as pb
from tihua.v1 import embedding_service_pb2_grpc, types_pb2


async def asked_delay_s(address: str, *, text: str = "", image: bytes = b"") -> float:
    """Return the delay that a full server asks for, in seconds: RetryInfo of its refusal."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub: Any = embedding_service_pb2_grpc.EmbeddingServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            if image:
                source = types_pb2.ImageSource(content=image)
                await stub.EmbedImage(pb.EmbedImageRequest(images=[source]), timeout=60)
            else:
                await stub.EmbedText(pb.EmbedTextRequest(texts=[text]), timeout=60)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    status = rpc_status.from_call(cast("Any", refused.value))
    assert status is not None
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in status.details)
    return float(retry.retry_delay.ToTimedelta().total_seconds())
