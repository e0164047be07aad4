"""What becomes of an item whose id is there already, in the store or in the same stream."""

import pytest
from fake_encoder import FakeEncoder
from ingest_streams import PICTURES, Shelf, acks, batch, drain, last_ack, run, stream
from tihua_server.ingest.draft import Draft, WriteMode
from tihua_server.ingest.events import DraftBatch
from tihua_server.ingest.ingester import Ingester
from tihua_server.types import Encoder, Text


async def test_of_two_items_with_one_id_the_last_is_kept(
    ingester: Ingester, shelf: Shelf, encoder: Encoder
) -> None:
    """Batches are written in their order, though they are embedded side by side."""
    batches = [batch(seq, "same", text=f"第{seq}") for seq in range(1, 5)]
    await drain(run(ingester, stream(*batches)))
    expected = encoder.encode_texts([encoder.tokenize("第4").ids])[0]
    embedding = shelf.items(PICTURES)["same"].embedding
    assert embedding is not None
    assert (embedding == expected).all()


async def test_insert_only_fails_what_is_there(ingester: Ingester, shelf: Shelf) -> None:
    """In the store, in flight or in the same batch: the first stays."""
    await drain(run(ingester, stream(batch(1, "a")), session="before"))
    events = await drain(
        run(
            ingester,
            stream(batch(1, "a", "b", "b"), batch(2, "b")),
            mode=WriteMode.INSERT_ONLY,
            session="insert",
        )
    )
    failed = [(entry.seq, entry.failure.index) for ack in acks(events) for entry in ack.failures]
    assert failed == [(1, 0), (1, 2), (2, 0)]


async def test_skip_existing_embeds_nothing_that_is_there(
    ingester: Ingester, shelf: Shelf, encoder: FakeEncoder
) -> None:
    """Skipped items are counted, and the model does not see them."""
    await drain(run(ingester, stream(batch(1, "a", "b")), session="before"))
    seen = sum(encoder.batch_sizes)
    events = await drain(
        run(
            ingester, stream(batch(1, "a", "b", "c")), mode=WriteMode.SKIP_EXISTING, session="after"
        )
    )
    progress = last_ack(events).progress
    assert (progress.skipped, progress.written) == (2, 1)
    assert sum(encoder.batch_sizes) - seen == 1


@pytest.mark.parametrize(
    ("mode", "failed", "skipped"),
    [(WriteMode.INSERT_ONLY, [0, 2], 0), (WriteMode.SKIP_EXISTING, [0], 1)],
)
async def test_an_item_that_fails_does_not_stand_for_its_id(
    ingester: Ingester, shelf: Shelf, mode: WriteMode, failed: list[int], skipped: int
) -> None:
    """Of several with one id in a batch the first that can be embedded is stored."""
    texts = ["", "马", "牛"]
    drafts = [Draft("a", Text(text), uri=text) for text in texts]
    events = await drain(run(ingester, stream(DraftBatch(1, drafts, 10)), mode=mode))
    failures = [entry.failure for ack in acks(events) for entry in ack.failures]
    assert [failure.index for failure in failures] == failed
    assert failures[0].error.reason == "EMPTY_TEXT"
    progress = last_ack(events).progress
    assert (progress.written, progress.skipped) == (1, skipped)
    assert shelf.items(PICTURES)["a"].uri == "马"


@pytest.mark.parametrize(
    ("mode", "failed", "skipped"),
    [
        (WriteMode.INSERT_ONLY, {1: "EMPTY_TEXT", 3: "ITEM_EXISTS"}, 0),
        (WriteMode.SKIP_EXISTING, {1: "EMPTY_TEXT"}, 1),
    ],
)
async def test_an_item_that_fails_in_an_earlier_batch_does_not_stand_for_its_id(
    ingester: Ingester, shelf: Shelf, mode: WriteMode, failed: dict[int, str], skipped: int
) -> None:
    """Though that one is still in flight: of several the first that can be embedded is stored."""
    batches = [batch(seq, "a", text=text) for seq, text in enumerate(["", "马", "牛"], 1)]
    events = await drain(run(ingester, stream(*batches), mode=mode))
    failures = [entry for ack in acks(events) for entry in ack.failures]
    assert {entry.seq: entry.failure.error.reason for entry in failures} == failed
    progress = last_ack(events).progress
    assert (progress.written, progress.skipped) == (1, skipped)
    assert shelf.ids == ["a"]
