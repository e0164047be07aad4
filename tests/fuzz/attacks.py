"""The attacks: each is a property that hypothesis tries to break, and whose input it shrinks."""

import os
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st
from tihua.v1 import embedding_service_pb2 as embedding
from tihua.v1 import ingest_service_pb2 as ingest
from tihua.v1 import search_service_pb2 as search
from tihua.v1 import types_pb2
from tihua_server.rpc.services import SERVICES

from fuzz.messages import KEPT, NAMES, TEXTS, messages
from fuzz.mutation import mutated
from fuzz.pictures import KEPT as KEPT_PICTURE
from fuzz.pictures import pictures
from fuzz.target import Target, Violated, check_errors

Attack: TypeAlias = Callable[[Target, st.DataObject], None]

INGEST = "tihua.v1.IngestService/Ingest"
EMBED_TEXT = "tihua.v1.EmbeddingService/EmbedText"
EMBED_IMAGE = "tihua.v1.EmbeddingService/EmbedImage"
SEARCH_MANY = "tihua.v1.SearchService/SearchMany"
VARIANTS = 3
"""Number of broken copies sent with each message."""


def _unary_methods() -> dict[str, type[Message]]:
    pool = descriptor_pool.Default()
    return {
        f"{service}/{method.name}": GetMessageClass(method.input_type)
        for service in SERVICES
        for method in pool.FindServiceByName(service).methods
        if not method.client_streaming
    }


METHODS = _unary_methods()


def any_message(target: Target, data: st.DataObject) -> None:
    """Send any message to its method, with copies whose bytes are broken."""
    method = data.draw(st.sampled_from(sorted(METHODS)), label="method")
    request = data.draw(messages(METHODS[method]), label="request")
    seed = data.draw(st.integers(0, 2**32 - 1), label="seed")
    whole = request.SerializeToString()
    broken = [mutated(whole, seed + number, number) for number in range(1, VARIANTS + 1)]
    writes = method.endswith(("Items", "Collection"))
    # A broken copy of a write may happen to name the kept collection, and must not reach it.
    target.call(method, [whole, *(copy for copy in broken if not writes or b"kept" not in copy)])


def pictures_beside_a_good_one(target: Target, data: st.DataObject) -> None:
    """Broken pictures fail one by one; the good one among them is embedded as usual."""
    files = data.draw(st.lists(pictures(), min_size=1, max_size=6), label="pictures")
    good = len(files) // 2
    files.insert(good, KEPT_PICTURE)
    request = embedding.EmbedImageRequest(
        images=[types_pb2.ImageSource(content=content) for content in files]
    )
    target.inputs += len(files) - 1
    [answer] = target.call(EMBED_IMAGE, [request.SerializeToString()])
    if answer is not None:
        response = embedding.EmbedImageResponse.FromString(answer)
        _check_rows(response.embeddings, response.errors, len(files), good, request)


def texts_beside_a_good_one(target: Target, data: st.DataObject) -> None:
    """Texts fail one by one; the good one among them is embedded as usual."""
    texts = data.draw(st.lists(TEXTS, min_size=1, max_size=12), label="texts")
    good = len(texts) // 2
    texts.insert(good, "马")
    request = embedding.EmbedTextRequest(texts=texts, truncate=data.draw(st.booleans()))
    target.inputs += len(texts) - 1
    [answer] = target.call(EMBED_TEXT, [request.SerializeToString()])
    if answer is not None:
        response = embedding.EmbedTextResponse.FromString(answer)
        _check_rows(response.embeddings, response.errors, len(texts), good, request)


def queries_beside_a_good_one(target: Target, data: st.DataObject) -> None:
    """Queries fail one by one; the good one among them finds what it looks for."""
    queries = data.draw(st.lists(messages(search.SearchRequest), max_size=4), label="queries")
    good = search.SearchRequest(collection=KEPT, terms=[search.QueryTerm(item_id="twin")], limit=1)
    request = search.SearchManyRequest(requests=[*queries, good])
    target.inputs += len(queries)
    [answer] = target.call(SEARCH_MANY, [request.SerializeToString()])
    if answer is None:
        return
    entries = search.SearchManyResponse.FromString(answer).entries
    check_errors(
        [entry.error for entry in entries if entry.HasField("error")], len(entries), request
    )
    if [hit.item.id for hit in entries[-1].response.hits] != ["stone"]:
        raise Violated(f"the good query was answered {entries[-1]!r} beside {request!r}")


def any_stream(target: Target, data: st.DataObject) -> None:
    """Send messages of an ingest stream in any order, some broken; read all answers or hang up."""
    request = messages(ingest.IngestRequest)
    requests = data.draw(st.lists(request, max_size=5), label="requests")
    raw = [message.SerializeToString() for message in requests]
    if raw and not data.draw(st.integers(0, 3)):
        seed = data.draw(st.integers(0, 2**32 - 1), label="seed")
        raw[-1] = mutated(raw[-1], seed, 2)
    if any(b"kept" in message for message in raw):
        return
    target.stream(INGEST, raw, read=data.draw(st.sampled_from([None, None, 0, 1, 2])))


def orderly_stream(target: Target, data: st.DataObject) -> None:
    """Follow the protocol with any items: each is written, skipped or reported as failed."""
    items = st.lists(messages(types_pb2.Item), min_size=1, max_size=4)
    batches = data.draw(st.lists(items, max_size=4), label="batches")
    start = ingest.IngestStart(
        collection=data.draw(st.sampled_from(NAMES)),
        session_id=os.urandom(16).hex(),  # hypothesis might give the same one twice
        mode=data.draw(st.sampled_from(ingest.WriteMode.values())),
    )
    requests = [ingest.IngestRequest(start=start)]
    requests += [
        ingest.IngestRequest(batch=ingest.IngestBatch(seq=seq, items=batch))
        for seq, batch in enumerate(batches, 1)
    ]
    target.inputs += sum(map(len, batches))
    answers = target.stream(INGEST, [one.SerializeToString() for one in requests], read=None)
    responses = [ingest.IngestResponse.FromString(answer) for answer in answers]
    if responses and responses[-1].HasField("summary"):
        _check_summary(responses, batches)


def _check_summary(
    responses: list[ingest.IngestResponse], batches: list[list[types_pb2.Item]]
) -> None:
    summary = responses[-1].summary
    sent = sum(map(len, batches))
    told = summary.items_written + summary.items_failed + summary.items_skipped
    errors = [error for response in responses for error in response.ack.errors]
    if (summary.committed_seq, told, summary.items_failed) != (len(batches), sent, len(errors)):
        raise Violated(f"{sent} items in {len(batches)} batches came to {summary!r}: {errors!r}")
    for seq, batch in enumerate(batches, 1):
        check_errors([error.error for error in errors if error.seq == seq], len(batch), summary)


def _check_rows(
    block: types_pb2.VectorBlock,
    errors: "list[types_pb2.ItemError] | object",
    size: int,
    good: int,
    request: Message,
) -> None:
    failed = check_errors(errors, size, request)  # type: ignore[arg-type]
    rows = np.frombuffer(block.data, "<f4").reshape(block.count, block.dim)
    norms = np.linalg.norm(rows, axis=1)
    expected = [0.0 if index in failed else 1.0 for index in range(size)]
    if good in failed or not np.allclose(norms, expected, atol=1e-4):
        raise Violated(f"norms are {norms}, failed are {failed} of {request!r}")


ATTACKS: tuple[Attack, ...] = (
    any_message,
    pictures_beside_a_good_one,
    texts_beside_a_good_one,
    queries_beside_a_good_one,
    any_stream,
    orderly_stream,
)
"""In the order in which they run."""
