"""Filters, as the stores understand them."""

from collections.abc import Callable

import pytest
from tihua_server.collection import CollectionSpec
from tihua_server.errors import InvalidInput
from tihua_server.item import Item
from tihua_server.search_params import Consistency, Fields, Filter, SearchParams
from tihua_server.types import FloatArray
from tihua_server.vector_store import VectorStore

BARE = Fields(uri=False, metadata=False)

ROWS: dict[str, dict[str, object]] = {
    "a": {"year": 1990, "place": "Suzhou", "作者": "李白", "tags": ["cat", "dog"], "mono": True},
    "b": {
        "year": 2001,
        "place": "Hangzhou",
        "作者": "杜甫",
        "tags": ["dog"],
        "mono": False,
        "iso": 9,
    },
    "c": {"year": 2012.5, "place": "苏州", "camera": {"lens": "35mm", "iso": [100, 400]}},
    "d": {
        "year": -5,
        "place": 'Say "hi"',
        "camera": {"lens": "50mm", "iso": [200]},
        "in": 1,
        "拍摄 日期": "2024-05-01",
        "价格（元）": 3,
        "1月": 2,
    },
}

NASTY = [
    '"',
    "'",
    "\\",
    '\\"',
    "\\\\",
    '" or 1==1 or "',
    '\\" or id != "" or "',
    "' or id != '' or '",
    'x"] or id in ["a',
    "{year}",
    "{{year}}",
    "a\nb",
    "a\r\nb\tc",
    "\\n",
    "\\u4e2d",
    "\\x41",
    "中文，标点。",
    "😀𠀀",
    "\u2028\u0085\x00\x07",
    "% _ %%",
    "/* -- # ;",
    "é e\u0301",
]


@pytest.mark.parametrize(
    ("expression", "params", "matching"),
    [
        ("", {}, "abcd"),
        ("year == 1990", {}, "a"),
        ("year >= {low} and year < {high}", {"low": 1990.0, "high": 2012.5}, "ab"),
        ("year == {y}", {"y": 2012.5}, "c"),
        ("year == {y} || year == -5", {"y": 2001}, "bd"),
        ("year in {years}", {"years": [1990.0, -5.0]}, "ad"),
        ("year in []", {}, ""),
        ("NOT (year > 0)", {}, "d"),
        ("not year == 1990", {}, "bcd"),
        ("not place in ['Suzhou'] and year > 0", {}, "bc"),
        ("exists camera and year > 0", {}, "c"),
        ("not exists (camera) and year > 0", {}, "ab"),
        ("mono == true and not exists camera", {}, "a"),
        ("place in ['Suzhou', {p}]", {"p": "苏州"}, "ac"),
        ("place == {p}", {"p": 'Say "hi"'}, "d"),
        ("place == 'Say \"hi\"'", {}, "d"),
        ("place like {prefix}", {"prefix": "Su%"}, "a"),
        ("作者 == {author}", {"author": "李白"}, "a"),
        ("作者 in {authors}", {"authors": ["李白", "杜甫"]}, "ab"),
        ('$meta["作者"] == "杜甫"', {}, "b"),
        ('$meta["in"] == 1', {}, "d"),
        ('$meta["拍摄 日期"] == "2024-05-01"', {}, "d"),
        ("$meta['价格（元）'] > 2 and $meta['1月'] in [2]", {}, "d"),
        ("id == uri", {}, ""),
        ("mono == {flag}", {"flag": True}, "a"),
        ("mono == false", {}, "b"),
        ('camera [ "lens" ] == "35mm"', {}, "c"),
        ('camera["iso"][0] == 200', {}, "d"),
        ("camera['lens'] in {lenses}", {"lenses": ["35mm", "85mm"]}, "c"),
        ("camera[{key}] == {lens}", {"key": "lens", "lens": "50mm"}, "d"),
        ("json_contains(tags, {tag})", {"tag": "cat"}, "a"),
        ("json_contains_any(tags, {tags}) && year > 2000", {"tags": ["cat", "dog"]}, "b"),
        ("id == 'a' or uri == {uri}", {"uri": "u-d"}, "ad"),
        ("id in {ids} and id > 'a'", {"ids": ["a", "b", "c"]}, "bc"),
        ("year + 10 == 2000", {}, "a"),
        ("place == '{p}'", {}, ""),
        ("iso == 9 or ISO in [9]", {}, "b"),
        ("interval['s'] > 2 or iso > 8", {}, "b"),
    ],
)
async def test_a_filter_keeps_what_matches(
    store: VectorStore,
    name: str,
    embeddings: FloatArray,
    expression: str,
    params: dict[str, object],
    matching: str,
) -> None:
    """Counting, listing and searching agree on it."""
    where = Filter(expression, params)
    items = [Item(key, embeddings[0], f"u-{key}", row) for key, row in ROWS.items()]
    await store.upsert(name, items)

    assert await store.count(name, where) == len(matching)
    listed = await store.scan(name, where=where, limit=10, fields=BARE)
    assert [item.id for item in listed] == list(matching)
    params_ = SearchParams(10, filter=where, consistency=Consistency.STRONG)
    [hits] = await store.search(name, embeddings[:1], params_)
    assert {hit.item.id for hit in hits} == set(matching)


@pytest.mark.parametrize(
    ("expression", "matching"),
    [
        ("place in ['x']", "a"),
        ("(place) in ['x']", "a"),
        ("place not in ['x']", "bcd"),
        ("place in []", ""),
        ("place not in []", "abcd"),
        ("not (place in ['y'])", "abcd"),
        ("place in {many}", "a"),
    ],
)
async def test_a_list_meets_objects_and_lists(
    store: VectorStore, name: str, embeddings: FloatArray, expression: str, matching: str
) -> None:
    """One item with another kind of value does not keep the others from being found."""
    values: dict[str, object] = {"a": "x", "b": {"x": 1}, "c": ["x"], "d": 1}
    items = [Item(key, embeddings[0], "", {"place": value}) for key, value in values.items()]
    await store.upsert(name, items)
    params: dict[str, object] = {"many": [f"{n}" for n in range(999)] + ["x"]}

    where = Filter(expression, params if "{many}" in expression else {})
    found = await store.scan(name, where=where, limit=10, fields=BARE)
    assert [item.id for item in found] == list(matching)


async def test_milvus_lite_computes_with_two_keys(
    lite: VectorStore, spec: Callable[[], CollectionSpec], embeddings: FloatArray
) -> None:
    """Items that have both keys are compared; a Milvus server refuses such a filter."""
    collection = spec()
    await lite.create(collection)
    sizes: dict[str, dict[str, object]] = {
        "a": {"width": 2, "height": 1},
        "b": {"width": 1, "height": 2},
        "c": {"width": 3},
    }
    items = [Item(key, embeddings[0], "", row) for key, row in sizes.items()]
    await lite.upsert(collection.name, items)

    where = Filter("width - height > 0")
    found = await lite.scan(collection.name, where=where, limit=10, fields=BARE)
    assert [item.id for item in found] == ["a"]


async def test_a_bound_string_matches_itself_and_nothing_else(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """No quote, escape or brace gets out of its string, alone or in a list, as value or as id."""
    items = [Item(f"{key}!", embeddings[0], key, {"key": key}) for key in NASTY]
    await store.upsert(name, [*items, Item("other", embeddings[0], "", {"key": "other"})])

    for key in NASTY:
        for where in (
            Filter("key == {key}", {"key": key}),
            Filter("uri == {key}", {"key": key}),
            Filter("key in {keys}", {"keys": [key, "absent"]}),
            Filter("id == {id} and key != 'x'", {"id": f"{key}!"}),
        ):
            found = await store.scan(name, where=where, limit=99, fields=BARE)
            assert [item.id for item in found] == [f"{key}!"], (where, key)


async def test_removing_with_a_nasty_string_removes_one(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """A text that would match every item if it were pasted removes only the item of that name."""
    await store.upsert(name, [Item(key, embeddings[0], "", {"key": key}) for key in NASTY])

    for left, key in zip(range(len(NASTY) - 1, -1, -1), NASTY, strict=True):
        if left % 2:
            assert await store.delete(name, [key]) == 1
        else:
            assert await store.delete_where(name, Filter("key == {key}", {"key": key})) == 1
    assert await store.count(name, Filter()) == 0


@pytest.mark.parametrize(
    "where",
    [
        Filter("id == 1"),
        Filter("year"),
        Filter("nonsense(year) == 1"),
        Filter("year == {unbound}"),
        Filter("year == 1; drop collection x"),
        Filter("embedding == 1"),
        Filter("1) or (1 == 1"),
        Filter("year == born"),
        Filter('metadata["year"] == 1'),
    ],
)
async def test_a_filter_that_means_nothing_is_refused(
    store: VectorStore, name: str, embeddings: FloatArray, where: Filter
) -> None:
    """It is the caller's error in every call, and nothing is removed."""
    await store.upsert(name, [Item("a", embeddings[0])])

    for call in (
        store.count(name, where),
        store.scan(name, where=where, limit=1, fields=BARE),
        store.search(name, embeddings[:1], SearchParams(1, filter=where)),
        store.delete_where(name, where),
    ):
        with pytest.raises(InvalidInput) as caught:
            await call
        assert caught.value.reason == "INVALID_FILTER"
    assert await store.count(name, Filter()) == 1
