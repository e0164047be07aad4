"""The tours of the other languages, beside what the Python client gets from the same server.

What is compared to the last bit is computed for one input a call, one call after the other: what
else is in a batch may change the last bits of an embedding.
"""

import struct
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import tihua
from processes import ServerProcess
from toolchains import Programs
from tours import QUERY_PICTURE, Lines, answers, finish, lines_of, start

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600, func_only=True)]


POEM = ("枯藤老树昏鸦", "小桥流水人家", "夕阳西下")


def bits(numbers: Sequence[float]) -> str:
    """Return float32 numbers as the tours show them."""
    return struct.pack(f">{len(numbers)}f", *numbers).hex()


def test_a_server_tells_every_language_how_it_is_and_what(
    tour: Lines, client: tihua.Client
) -> None:
    """The standard health service and GetServerInfo are read."""
    info = client.server_info()
    [answer] = answers(tour, "info")
    assert answers(tour, "health") == [{"status": "SERVING"}]
    assert answer["version"] == info.version
    assert int(answer["limits"]["maxMessageBytes"]) == info.limits.max_message_bytes


def test_embeddings_are_equal_to_the_last_bit(tour: Lines, client: tihua.Client) -> None:
    """Three texts and a picture are embedded, each in a call of its own."""
    assert answers(tour, "embed_text") == [bits(client.embed_text(text)) for text in POEM]
    picture = client.embed_image(QUERY_PICTURE)
    assert answers(tour, "embed_image") == [bits(picture)]


def test_a_folder_is_in_the_collection(
    tour: Lines, client: tihua.Client, language: str, ids: Sequence[str]
) -> None:
    """Every picture is stored under its path, over one stream."""
    assert answers(tour, "ingest") == [
        {"written": len(ids), "failed": 0, "failures": [], "streams": 1}
    ]
    assert [item.id for item in client.list_items(collection=language)] == ids
    assert answers(tour, "list") == [{"items": len(ids)}]


@pytest.fixture(scope="module")
def large(client: tihua.Client) -> str:
    """A collection with a page of 5 MB, where gRPC takes 4 MiB unless told otherwise."""
    client.create_collection("large")
    items = [
        tihua.Item(f"{number:03}", text="马", metadata={"note": "马" * 10_000})
        for number in range(170)
    ]
    client.upsert(items, collection="large")
    return "large"


def test_a_large_page_is_read(
    built: Programs, server: ServerProcess, large: str, tmp_path: Path
) -> None:
    """It has 5 MB, more than gRPC takes by default."""
    command = [*built["tour"], large, tmp_path, QUERY_PICTURE]
    lines = lines_of(finish(start(command, server.address)))
    assert answers(lines, "list") == [{"items": 170}]


def test_hits_have_the_same_ids_and_scores(
    tour: Lines, client: tihua.Client, language: str
) -> None:
    """By picture and by text.

    A score is compared to 1e-6: whether the store looks for an item by brute force or in an index,
    which changes while it settles, decides about the last bits.
    """
    expected = [
        client.search(image=QUERY_PICTURE, limit=5, collection=language),
        client.search(text=POEM[-1], limit=5, collection=language),
    ]
    found = [answer["hits"] for answer in answers(tour, "search")]
    ids = [[hit["item"]["id"] for hit in hits] for hits in found]
    assert ids == [[hit.id for hit in hits] for hits in expected]
    for hits, expected_hits in zip(found, expected, strict=True):
        scores = [hit["score"] for hit in hits]
        assert scores == pytest.approx([hit.score for hit in expected_hits], abs=1e-6)


def test_the_details_of_an_error_are_read(tour: Lines) -> None:
    """A search for a million hits is refused with ErrorInfo and BadRequest."""
    refusal = {"code": 3, "reason": "OUT_OF_BOUNDS", "field": "limit", "retry_after_s": 0}
    assert answers(tour, "refusal") == [refusal]


@pytest.mark.parametrize(("step", "code"), [("deadline", 4), ("cancellation", 1)])
def test_a_caller_may_give_up(tour: Lines, step: str, code: int) -> None:
    """A call that ends by its deadline is DEADLINE_EXCEEDED, one that is taken back CANCELLED."""
    ended = {"code": code, "reason": "", "field": "", "retry_after_s": 0}
    assert answers(tour, step) == [ended]


def test_the_server_learns_of_a_cancellation(
    built: Programs, server: ServerProcess, language: str, tmp_path: Path
) -> None:
    """The stream ends there too; its line may be logged after the tour has ended."""
    earlier = {entry.get("peer") for entry in server.log}
    command = [*built["tour"], f"left_{language}", tmp_path, QUERY_PICTURE]
    finish(start(command, server.address))
    codes: list[str] = []
    until = time.monotonic() + 60
    while len(codes) < 2:  # the stream that ingests, and the one that is cancelled
        assert time.monotonic() < until, f"of this tour's two streams ended: {codes}"
        time.sleep(0.01)
        streams = [entry for entry in server.log if entry.get("method") == "IngestService/Ingest"]
        codes = [entry["code"] for entry in streams if entry["peer"] not in earlier]
    # Node ends its side of a stream before it resets it; the server may have answered by then.
    assert codes[1:] in (["CANCELLED"], *([["OK"]] if language == "node" else []))


def test_the_shortest_call_prints_what_python_prints(
    built: Programs, server: ServerProcess, client: tihua.Client
) -> None:
    """It is the five lines that README and documents show."""
    if "pictures" not in {entry.name for entry in client.list_collections()}:
        client.create_collection("pictures")
    items = [tihua.Item(text, text=text, uri=f"{text}.jpg") for text in POEM]
    client.upsert(items, collection="pictures")
    hits = client.search(text="夕阳西下", collection="pictures")
    printed = finish(start(built["search"], server.address))
    assert printed == "".join(f"{hit.score:.3f} {hit.uri}\n" for hit in hits)
