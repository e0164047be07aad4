"""The methods of `AsyncClient` about the items of a collection."""

# ruff: noqa: A002 - `filter` is the contract's word

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from tihua import _convert_items
from tihua._async_connection import AsyncConnection
from tihua._types import Field, Item, UpsertResult


class AsyncItemMethods:
    """A part of `AsyncClient`."""

    _connection: AsyncConnection

    async def upsert(
        self,
        items: Iterable[Item],
        *,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> UpsertResult:
        """Embed and write a small set of items, replacing those of the same id.

        Arguments and errors are those of `Client.upsert`.
        """
        name = self._connection.name(collection)
        request = await asyncio.to_thread(_convert_items.upsert_request, list(items), name)
        return _convert_items.upsert_result(
            await self._connection.call(self._connection.collections.UpsertItems, request, timeout)
        )

    async def get_items(
        self,
        ids: Iterable[str],
        *,
        fields: Iterable[Field] | None = None,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> list[Item]:
        """Return the items with these ids, in their order; ids that do not exist are left out.

        Arguments and errors are those of `Client.get_items`.
        """
        request = _convert_items.get_items_request(ids, self._connection.name(collection), fields)
        response = await self._connection.call(
            self._connection.collections.GetItems, request, timeout
        )
        return [_convert_items.item(message) for message in response.items]

    async def list_items(
        self,
        *,
        filter: str = "",
        params: Mapping[str, object] | None = None,
        fields: Iterable[Field] | None = None,
        page_size: int = 100,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> AsyncIterator[Item]:
        """Yield the matching items, sorted by id; the next page is fetched when it is reached.

        Arguments and errors are those of `Client.list_items`.
        """
        request = _convert_items.list_items_request(
            self._connection.name(collection),
            filter=filter,
            params=params,
            fields=fields,
            page_size=page_size,
        )
        while True:
            response = await self._connection.call(
                self._connection.collections.ListItems, request, timeout
            )
            for message in response.items:
                yield _convert_items.item(message)
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    async def count_items(
        self,
        *,
        filter: str = "",
        params: Mapping[str, object] | None = None,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> int:
        """Return the exact number of matching items; filter and params as in `search`.

        Arguments and errors are those of `Client.count_items`.
        """
        request = _convert_items.count_items_request(
            self._connection.name(collection), filter=filter, params=params
        )
        response = await self._connection.call(
            self._connection.collections.CountItems, request, timeout
        )
        return response.count

    async def delete_items(
        self,
        ids: Iterable[str] | None = None,
        *,
        filter: str = "",
        params: Mapping[str, object] | None = None,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> int:
        """Remove items by ids or by filter and return how many there were.

        Arguments and errors are those of `Client.delete_items`.
        """
        request = _convert_items.delete_items_request(
            ids, self._connection.name(collection), filter=filter, params=params
        )
        response = await self._connection.call(
            self._connection.collections.DeleteItems, request, timeout
        )
        return response.deleted_count
