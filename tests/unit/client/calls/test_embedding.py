"""Embedding over a real channel: what is sent, and what comes of the answer."""

from array import array
from collections.abc import Mapping
from pathlib import Path

import pytest
import tihua
from answering_server import MODEL, TIMING, AnsweringServer, Call, block, failure
from tihua.v1 import embedding_service_pb2


def test_embedding_texts_leaves_out_those_that_failed(server: AnsweringServer, call: Call) -> None:
    """None stands where the row of a failed text would be."""
    response = embedding_service_pb2.EmbedTextResponse(
        embeddings=block([0.6, 0.8], [0.0, 0.0]), errors=[failure(1)], model=MODEL, timing=TIMING
    )
    server.answer("EmbedText", response)
    result = call("embed_texts", ["一", ""], truncate=False, priority="bulk")
    assert result.embeddings == (array("f", [0.6, 0.8]), None)
    assert [(error.index, error.reason) for error in result.errors] == [(1, "EMPTY_TEXT")]
    request = server.requests[0]
    assert (list(request.texts), request.truncate, request.options.priority) == (
        ["一", ""],
        False,
        2,
    )


def test_embedding_pictures_sends_bytes_and_files(
    server: AnsweringServer, call: Call, tmp_path: Path
) -> None:
    """In the order they were given."""
    (tmp_path / "b.jpg").write_bytes(b"second")
    response = embedding_service_pb2.EmbedImageResponse(embeddings=block([1.0, 0.0], [0.0, 1.0]))
    server.answer("EmbedImage", response)
    result = call("embed_images", [b"first", tmp_path / "b.jpg"])
    assert result.embeddings == (array("f", [1.0, 0.0]), array("f", [0.0, 1.0]))
    assert [image.content for image in server.requests[0].images] == [b"first", b"second"]


def test_embedding_one_input_returns_its_embedding(server: AnsweringServer, call: Call) -> None:
    """Without a list around it."""
    server.answer(
        "EmbedText", embedding_service_pb2.EmbedTextResponse(embeddings=block([0.6, 0.8]))
    )
    server.answer(
        "EmbedImage", embedding_service_pb2.EmbedImageResponse(embeddings=block([0.8, 0.6]))
    )
    assert call("embed_text", "一") == array("f", [0.6, 0.8])
    assert call("embed_image", b"jpeg") == array("f", [0.8, 0.6])


def test_one_input_has_the_options_of_many(server: AnsweringServer, call: Call) -> None:
    """A text is cut unless it is said not to, and either may wait for others."""
    answers: Mapping[str, type] = {
        "EmbedText": embedding_service_pb2.EmbedTextResponse,
        "EmbedImage": embedding_service_pb2.EmbedImageResponse,
    }
    for method, answer in answers.items():
        server.answer(method, answer(embeddings=block([0.6, 0.8])))
    call("embed_text", "一")
    call("embed_text", "一", truncate=False, priority="bulk")
    call("embed_image", b"jpeg", priority="bulk")
    usual, text, image = server.requests
    interactive, bulk = (
        embedding_service_pb2.PRIORITY_INTERACTIVE,
        embedding_service_pb2.PRIORITY_BULK,
    )
    assert (usual.truncate, usual.options.priority) == (True, interactive)
    assert (text.truncate, text.options.priority, image.options.priority) == (False, bulk, bulk)


def test_embedding_one_input_raises_its_error(server: AnsweringServer, call: Call) -> None:
    """There is nobody else to report it to."""
    response = embedding_service_pb2.EmbedTextResponse(
        embeddings=block([0.0, 0.0]), errors=[failure(0)]
    )
    server.answer("EmbedText", response)
    with pytest.raises(tihua.InvalidRequestError, match="text is empty"):
        call("embed_text", "")
