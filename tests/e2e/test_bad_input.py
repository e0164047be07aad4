"""Bad pictures and texts to embed get a clear error from a running server, and break nothing."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image
from processes import ServerProcess
from tihua.v1 import (
    embedding_service_pb2,
    types_pb2,
)
from tihua.v1.embedding_service_pb2_grpc import EmbeddingServiceStub

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    """Return a picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def photograph(mode: str = "RGB") -> Image.Image:
    """Return a picture with something in it."""
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    pixels = np.stack([x * 4, y * 5, (x + y) * 2], axis=-1).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def bomb(side: int = 20_000) -> bytes:
    """Return a PNG of one colour that would unpack to gigabytes."""
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


BAD_PICTURES: dict[str, tuple[Callable[[], bytes], str, grpc.StatusCode]] = {
    "truncated": (lambda: encoded(photograph(), "JPEG")[:400], "damaged or cut short", INVALID),
    "empty": (lambda: b"", "empty", INVALID),
    "text as JPEG": (lambda: b"this is no picture", "can't be read as a picture", INVALID),
    "bomb": (bomb, "400000000 pixels; the limit is 50000000", grpc.StatusCode.RESOURCE_EXHAUSTED),
    "too many bytes": (
        lambda: bytes(33 * 1024 * 1024),
        "the limit is 33554432",
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ),
}


def embed(stub: EmbeddingServiceStub, *pictures: bytes) -> embedding_service_pb2.EmbedImageResponse:
    """Embed files."""
    images = [types_pb2.ImageSource(content=content) for content in pictures]
    return stub.EmbedImage(embedding_service_pb2.EmbedImageRequest(images=images))


def rows(block: types_pb2.VectorBlock) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    """Return packed embeddings as an array."""
    return np.frombuffer(block.data, "<f4").reshape(block.count, block.dim)


@pytest.mark.parametrize("kind", BAD_PICTURES)
def test_a_bad_picture_fails_alone(embedding: EmbeddingServiceStub, kind: str) -> None:
    """The error names the picture and the reason; the others are embedded as usual."""
    make, message, code = BAD_PICTURES[kind]
    good = encoded(photograph(), "PNG")
    answer = embed(embedding, good, make(), good)
    [error] = answer.errors
    assert error.index == 1
    assert message in error.message
    assert error.code == code.value[0]
    assert not error.retryable
    embeddings = rows(answer.embeddings)
    assert not embeddings[1].any()
    assert np.linalg.norm(embeddings[0]) == pytest.approx(1, abs=1e-5)
    assert embeddings[0] @ embeddings[2] == pytest.approx(1, abs=1e-5)


def test_a_rotated_photograph_is_embedded_as_people_see_it(embedding: EmbeddingServiceStub) -> None:
    """The EXIF orientation is applied."""
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = photograph().transpose(Image.Transpose.ROTATE_90)
    answer = embed(embedding, encoded(photograph(), "PNG"), encoded(turned, "PNG", exif=exif))
    upright, shown = rows(answer.embeddings)
    assert upright @ shown == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text is empty"),
        (" \n\t　", "text is empty"),
        ("\x00\u200b", "text is nothing but white space and control characters"),
        ("马" * 100_000, "the limit is 10000: shorten it"),
    ],
    ids=["empty", "white space", "control characters", "100 000 characters"],
)
def test_a_bad_text_fails_alone(embedding: EmbeddingServiceStub, text: str, message: str) -> None:
    """The error names the text and the reason; the others are embedded."""
    answer = embedding.EmbedText(embedding_service_pb2.EmbedTextRequest(texts=["马", text]))
    [error] = answer.errors
    assert (error.index, error.code) == (1, INVALID.value[0])
    assert message in error.message
    assert np.linalg.norm(rows(answer.embeddings)[0]) == pytest.approx(1, abs=1e-5)


def test_a_long_text_is_cut_unless_that_is_forbidden(embedding: EmbeddingServiceStub) -> None:
    """The answer lists the truncated texts; with truncate=false they are errors."""
    request = embedding_service_pb2.EmbedTextRequest(texts=["马" * 50, " ", "马" * 51])
    answer = embedding.EmbedText(request)
    assert ([error.index for error in answer.errors], list(answer.truncated_texts)) == ([1], [2])
    request.truncate = False
    answer = embedding.EmbedText(request)
    assert (answer.errors[1].reason, list(answer.truncated_texts)) == ("TEXT_TRUNCATED", [])
    assert "50 tokens" in answer.errors[1].message


def test_a_lone_surrogate_is_refused_and_the_server_lives(
    channel: grpc.Channel, embedding: EmbeddingServiceStub
) -> None:
    """Bytes that aren't UTF-8 aren't a proto string: gRPC fails the call; the next succeeds."""
    method = "/tihua.v1.EmbeddingService/EmbedText"
    call: Any = channel.unary_unary(method)
    with pytest.raises(grpc.RpcError, match="does not parse"):
        call(b"\x0a\x03\xed\xa0\x80")
    assert not embedding.EmbedText(embedding_service_pb2.EmbedTextRequest(texts=["马"])).errors


@pytest.mark.parametrize("count", [0, 257])
def test_a_batch_has_bounds(embedding: EmbeddingServiceStub, count: int) -> None:
    """Empty and too large batches are errors that name the bound."""
    with pytest.raises(grpc.RpcError, match="1 to 256") as refused:
        embedding.EmbedText(embedding_service_pb2.EmbedTextRequest(texts=["马"] * count))
    assert refused.value.code() is INVALID


def test_user_text_is_not_logged(server: ServerProcess, embedding: EmbeddingServiceStub) -> None:
    """The logs are for operators, who have no business with users' texts."""
    request = embedding_service_pb2.EmbedTextRequest(texts=["断肠人在天涯"])
    embedding.EmbedText(request, metadata=(("x-request-id", "private"),))
    [line] = server.lines_of("private")
    assert line["method"] == "EmbeddingService/EmbedText"
    assert "断肠人在天涯" not in str(server.log)
