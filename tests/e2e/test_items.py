"""Items: written, read, listed, counted, deleted."""

from datetime import UTC, datetime
from typing import Literal

import pytest
import tihua


def test_items_are_listed_in_order_and_in_pages(client: tihua.Client, filled: str) -> None:
    """Sorted by id, all of them, whatever the page size."""
    ids = [item.id for item in client.list_items(page_size=5, collection=filled)]
    assert ids == sorted(ids)
    assert len(ids) == 24


def test_items_are_read_counted_and_deleted(client: tihua.Client, collection: str) -> None:
    """By id and by filter."""
    items = [tihua.Item(f"{n}", text="马", metadata={"n": n}) for n in range(6)]
    client.upsert(items, collection=collection)
    assert [item.id for item in client.get_items(["4", "x", "1"], collection=collection)] == [
        "4",
        "1",
    ]
    assert client.count_items(filter="n >= {n}", params={"n": 4}, collection=collection) == 2
    assert client.delete_items(["0", "x"], collection=collection) == 1
    assert client.delete_items(filter="n >= 4", collection=collection) == 2
    assert [item.id for item in client.list_items(collection=collection)] == ["1", "2", "3"]


def test_writing_an_id_again_replaces_it(client: tihua.Client, collection: str) -> None:
    """Within one call, too, the last one is kept."""
    client.upsert([tihua.Item("a", text="马"), tihua.Item("a", text="桥")], collection=collection)
    assert client.count_items(collection=collection) == 1
    hit = client.search(text="桥", consistency="strong", collection=collection)[0]
    assert hit.score == pytest.approx(1, abs=1e-4)


def test_an_item_tells_when_it_was_written(client: tihua.Client, collection: str) -> None:
    """The time is the server's, or given by a copy; writing an item again updates it."""
    then = datetime(2001, 2, 3, 4, 5, 6, 7, UTC)
    began = datetime.now(UTC)
    client.upsert(
        [
            tihua.Item("now", text="马"),
            tihua.Item("then", text="马", update_time=then),
            tihua.Item("unknown", text="马", update_time=tihua.UNKNOWN_TIME),
        ],
        collection=collection,
    )
    ids = ["now", "then", "unknown"]
    fields: tuple[Literal["update_time"]] = ("update_time",)
    now, copied, unknown = client.get_items(ids, fields=fields, collection=collection)
    assert now.update_time is not None
    assert began <= now.update_time <= datetime.now(UTC)
    assert (copied.update_time, unknown.update_time) == (then, None)
    client.ingest([tihua.Item("then", text="桥")], collection=collection)
    [again] = client.get_items(["then"], fields=fields, collection=collection)
    assert again.update_time is not None
    assert again.update_time > now.update_time
    [hit] = client.search(text="桥", limit=1, fields=fields, collection=collection)
    assert hit.update_time == again.update_time
    assert [item.update_time for item in client.get_items(ids, collection=collection)] == [None] * 3


def test_metadata_comes_back_as_it_went(client: tihua.Client, collection: str) -> None:
    """Metadata may be any JSON, including Chinese."""
    metadata = {"题": "天净沙·秋思", "n": 3, "x": 0.5, "ok": True, "none": None, "l": [1, "a"]}
    client.upsert([tihua.Item("a", text="马", metadata=metadata)], collection=collection)
    [item] = client.get_items(["a"], collection=collection)
    assert dict(item.metadata) == metadata


def test_writing_says_how_long_the_store_took(client: tihua.Client, collection: str) -> None:
    """Each stage is timed, also for writes."""
    result = client.upsert([tihua.Item("a", text="马")], collection=collection)
    assert result.timing.inference_us > 0
    assert result.timing.store_us > 0
