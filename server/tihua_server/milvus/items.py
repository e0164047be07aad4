"""The items of collections in Milvus: writing, reading, deleting and searching them.

Reads that must be exact (counts, lists, the items to delete) use strong consistency, which takes
200 ms on Milvus 2.3.5. Items by id are read with session consistency, which sees what this process
wrote. Searches use bounded consistency unless they ask for strong. Milvus Lite is always up to
date.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tihua_server.item import Hit, Item
from tihua_server.milvus.catalog import Catalog
from tihua_server.milvus.collection_calls import CollectionCalls
from tihua_server.milvus.connection import MilvusConnection
from tihua_server.milvus.filter_literals import MAX_LIST_LENGTH, literal
from tihua_server.milvus.filters import both, render
from tihua_server.milvus.flusher import Flusher
from tihua_server.milvus.index import search_tuning
from tihua_server.milvus.schema import EMBEDDING, output_fields, to_item, to_row
from tihua_server.search_params import Fields, Filter, SearchParams
from tihua_server.types import FloatArray

BATCH_ROWS = 1_000
"""Rows in one call: about the fastest to write, and with all of `max_metadata_bytes` under Milvus'
64 MiB."""


class Items:
    """The items of the collections of one Milvus."""

    def __init__(
        self,
        connection: MilvusConnection,
        calls: CollectionCalls,
        catalog: Catalog,
        flusher: Flusher,
    ) -> None:
        self._connection, self._client = connection, connection.client
        self._is_lite = connection.is_lite
        self._calls = calls
        self._catalog = catalog
        self._flusher = flusher

    async def upsert(self, name: str, items: Sequence[Item]) -> None:
        """Write items; of several with one id the last is kept."""
        name = await self._catalog.own_name(name)
        await self._connection.require_room()
        rows = [to_row(item) for item in {item.id: item for item in items}.values()]
        # Milvus Lite's upsert keeps metadata that the new item no longer has; its insert replaces.
        write = self._client.insert if self._is_lite else self._client.upsert
        for batch in _batches(rows, BATCH_ROWS):
            try:
                await self._calls.call(name, write, name, batch)
            finally:  # its thread completes what the caller gives up
                if self._is_lite:
                    self._flusher.wrote(name, len(batch))
            if self._is_lite:
                await self._flusher.flush_many(name)

    async def get(
        self, name: str, ids: Sequence[str], fields: Fields, *, is_fresh: bool = False
    ) -> list[Item]:
        """Return the items of these ids, in their order; absent ones are left out."""
        name = await self._catalog.own_name(name)
        found = {}
        for batch in _batches(ids, MAX_LIST_LENGTH):
            items = await self._calls.read(
                name,
                self._query,
                name,
                fields,
                filter=f"id in {literal(batch)}",
                consistency_level="Strong" if is_fresh else "Session",
            )
            found.update({item.id: item for item in items})
        return [found[key] for key in ids if key in found]

    async def scan(
        self, name: str, *, where: Filter, limit: int, after_id: str = "", fields: Fields
    ) -> list[Item]:
        """Return up to `limit` matching items with ids beyond `after_id`, sorted by id (bytes)."""
        name = await self._catalog.own_name(name)
        expression = self._render(where)
        found: list[Item] = []
        # A page of Milvus may be short before the last, if a shard has few rows, and longer than
        # asked for.
        while len(found) < limit:
            wanted = _page(expression, limit - len(found), after_id)
            page = await self._calls.read(name, self._query, name, fields, **wanted)
            if not page:
                break
            found += sorted(page, key=lambda item: item.id.encode())
            after_id = found[-1].id
        return found[:limit]

    async def count(self, name: str, where: Filter) -> int:
        """Return the exact number of matching items; writes of a moment ago are counted."""
        name = await self._catalog.own_name(name)
        return await self._catalog.count(name, self._render(where))

    async def delete(self, name: str, ids: Sequence[str]) -> int:
        """Remove items by id; return how many there were."""
        name = await self._catalog.own_name(name)
        count = 0
        for batch in _batches(list(dict.fromkeys(ids)), MAX_LIST_LENGTH):
            wanted = _page(f"id in {literal(batch)}", len(batch))
            count += len(await self._calls.call(name, self._delete, name, wanted))
        return count

    async def delete_where(self, name: str, where: Filter) -> int:
        """Remove the matching items, page by page; return how many there were."""
        name = await self._catalog.own_name(name)
        expression = self._render(where)
        count, last_id = 0, ""
        while ids := await self._calls.call(
            name, self._delete, name, _page(expression, BATCH_ROWS, last_id), expression
        ):
            count += len(ids)
            last_id = max(ids, key=str.encode)
        return count

    def _delete(
        self, name: str, page: Mapping[str, Any], still: str = "", *, timeout: float
    ) -> list[str]:
        """Remove a page of items and return the ids of the page.

        The ids are read first: Milvus counts those that it is given, not the items that were there.
        An item that is rewritten in between is removed only if it matches `still`. On Milvus Lite
        that can't happen, because its calls are serialized.
        """
        rows = self._client.query(name, output_fields=["id"], **page, timeout=timeout)
        ids = [row["id"] for row in rows]
        for batch in _batches(ids, MAX_LIST_LENGTH):
            wanted = both("" if self._is_lite else still, f"id in {literal(batch)}")
            self._client.delete(name, filter=wanted, timeout=timeout)
        return ids

    async def search(
        self, name: str, embeddings: FloatArray, params: SearchParams
    ) -> list[list[Hit]]:
        """Return the hits of each query, best first."""
        spec = await self._catalog.spec(name)
        tuning = search_tuning(
            spec.index,
            params.index_params,
            limit=params.limit,
            offset=params.offset,
            lite=self._is_lite,
        )
        return await self._calls.read(
            name,
            self._search,
            spec.name,
            params,
            data=list(embeddings),
            anns_field=EMBEDDING,
            filter=self._render(params.filter),
            search_params={"metric_type": "COSINE", "offset": params.offset, "params": tuning},
        )

    # pymilvus decodes a row when it is read: 1 000 take 7 ms or more, with embeddings 60. So these
    # two, which run in a thread, read the rows as well.

    def _query(self, name: str, fields: Fields, *, timeout: float, **wanted: object) -> list[Item]:
        rows = self._client.query(
            name, output_fields=output_fields(fields), timeout=timeout, **wanted
        )
        return [to_item(row, fields) for row in rows]

    def _search(
        self, name: str, params: SearchParams, *, timeout: float, **wanted: object
    ) -> list[list[Hit]]:
        answers = self._client.search(
            name,
            limit=params.limit,
            output_fields=output_fields(params.fields),
            consistency_level=params.consistency.value,
            timeout=timeout,
            **wanted,
        )
        return [list(_hits(answer, params)) for answer in answers]

    def _render(self, where: Filter) -> str:
        return render(where, lite=self._is_lite)


def _page(expression: str, limit: int, after_id: str = "") -> dict[str, Any]:
    """Return the arguments of `query` for the first rows beyond an id."""
    return {
        "filter": both(expression, f"id > {literal(after_id)}") if after_id else expression,
        "limit": limit,
        # The flags of pymilvus' own QueryIterator, with which Milvus and Lite return the first rows
        # by primary key; at the consistency level that the collection was created with.
        "iterator": "True",
        "reduce_stop_for_best": "True",
    }


def _hits(rows: Iterable[Mapping[str, Any]], params: SearchParams) -> Iterator[Hit]:
    for row in rows:
        # Rounding takes a cosine a little beyond 1.
        score = min(1.0, max(-1.0, float(row["distance"])))
        if params.min_score is None or score >= params.min_score:
            yield Hit(to_item({**row["entity"], "id": row["id"]}, params.fields), score)


def _batches(values: Sequence[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(values), size):
        yield list(values[start : start + size])
