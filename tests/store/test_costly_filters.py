"""Filters that would cost an embedded store all its time or memory."""

import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from milvus_lite.search.filter.eval import python_backend
from tihua_server.collection import CollectionSpec
from tihua_server.errors import StoreUnavailable
from tihua_server.item import Item
from tihua_server.milvus.store import Milvus
from tihua_server.search_params import Fields, Filter
from tihua_server.types import FloatArray

ROWS: dict[str, tuple[str, dict[str, object]]] = {
    "a": ("a" * 4_000, {"place": "Hangzhou", "tags": ["x"], "size": 2}),
    "b": ("苏州/园林.jpg", {"place": 3, "size": 2**53}),
    "c": ("a.b\n", {"place": {"x": 1}, "size": 1.5}),
    "d": ("aXbXc", {"place": True}),
}

Find = Callable[[str], Awaitable[str]]
Traced = Callable[[], tuple[int, int]]


@pytest.fixture
async def find(lite: Milvus, spec: Callable[..., CollectionSpec], embeddings: FloatArray) -> Find:
    """Return a function that finds the ids that match a filter, which Lite checks one by one."""
    asked = spec()
    await lite.create(asked)
    await lite.upsert(asked.name, [Item(key, embeddings[0], *row) for key, row in ROWS.items()])

    async def found(expression: str) -> str:
        where = Filter(f"absent[0] == 1 or {expression}")
        fields = Fields(uri=False, metadata=False)
        items = await lite.scan(asked.name, where=where, limit=9, fields=fields)
        return "".join(item.id for item in items)

    return found


@pytest.fixture
def traced() -> Iterator[Traced]:
    """Return a function for the bytes that Python has allocated in the test: now, and at most."""
    tracemalloc.start()
    yield tracemalloc.get_traced_memory
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("%a%a%a%a%a%a%a%a%b", ""),
        ("%_%_%_%_%_%_%_%_%_%_%~", ""),
        ("%_a_a_a_%%_a_a_a_%a", "a"),
        ("苏%园_.jpg", "b"),
        ("%园%", "b"),
        ("a.b", ""),
        ("a.b%", "c"),
        ("a.b_", "c"),
        ("%b", ""),
        ("a%X%c", "d"),
        ("a_bX_", "d"),
        ("aXbXc", "d"),
        ("aXb%bXc", ""),
        ("%", "abcd"),
        ("", ""),
    ],
)
async def test_a_pattern_is_matched_in_no_time(find: Find, pattern: str, matching: str) -> None:
    """It may have many wildcards, and means what it does in SQL."""
    assert await find(f'uri like "{pattern}"') == matching


@pytest.mark.parametrize(
    ("expression", "matching"),
    [
        ("place * 200000000 == 1", ""),
        ("tags * 200000000 == 1", ""),
        ("200000000 * place == 600000000", "b"),
        ("place + place == 6", "b"),
        ("size * 3 - 1 == 5", "a"),
        ("size / 2 == 0.75", "c"),
        ("(" + "size * " * 40 + "1) / 2 > 1", "ac"),
        ("size / 0 == 1", ""),
    ],
)
async def test_only_numbers_are_reckoned_with(
    find: Find, traced: Traced, expression: str, matching: str
) -> None:
    """A text or a list times a number is null, and not gigabytes of it."""
    assert await find(expression) == matching
    _, peak_bytes = traced()
    assert peak_bytes < 100_000_000


async def test_filters_are_not_kept_for_long(
    lite: Milvus, spec: Callable[..., CollectionSpec], traced: Traced
) -> None:
    """Lite compiles each and keeps some; large ones of many callers do not fill the memory."""
    asked = spec()
    await lite.create(asked)

    for number in range(48):
        where = Filter("place == {place}", {"place": f"{number}" + "😀" * 20_000})
        assert await lite.count(asked.name, where) == 0

    held_bytes, _ = traced()
    assert held_bytes < 5_000_000


async def test_metadata_is_not_parsed_for_each_value(
    lite: Milvus, spec: Callable[..., CollectionSpec], embeddings: FloatArray
) -> None:
    """It is parsed once an item, however many values it is compared with."""
    asked = spec()
    await lite.create(asked)
    text = "风" * 4_000
    items = [
        Item(f"{n}", embeddings[n % 300], "", {"camera": {"lens": f"{n}mm"}, "text": text})
        for n in range(1_000)
    ]
    await lite.upsert(asked.name, items)
    where = Filter("camera['lens'] in {lenses}", {"lenses": [f"{n}mm" for n in range(900, 1_100)]})

    parsed = python_backend.json.loads.cache_info
    before = parsed().misses

    assert await lite.count(asked.name, where) == 100
    assert parsed().misses - before == len(items)


async def test_a_milvus_lite_whose_filters_can_not_be_bounded_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names what is missing, and what to do."""
    monkeypatch.delattr(python_backend, "_like_to_regex")

    with pytest.raises(StoreUnavailable, match=r"milvus-lite \d.*has no .*_like_to_regex.*install"):
        await Milvus.open(tmp_path)
