"""The methods of `Client` about the items of a collection."""

# ruff: noqa: A002 - `filter` is the contract's word

from collections.abc import Iterable, Iterator, Mapping

from tihua import _convert_items
from tihua._connection import Connection
from tihua._types import Field, Item, UpsertResult


class ItemMethods:
    """A part of `Client`, whose docstring says what all methods have in common."""

    _connection: Connection

    def upsert(
        self,
        items: Iterable[Item],
        *,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> UpsertResult:
        """Embed and write a small set of items, replacing those of the same id.

        An item that fails on the server is reported in `errors`, and the others are written. For
        many items use `ingest`.

        Args:
            items: 1 to `Limits.max_batch_items`; if several have the same id, the last is kept.
            collection: where to write.
            timeout: limit of the call, in seconds.

        Raises:
            InvalidRequestError: also if an item can't be sent; then nothing is sent.
            NotFoundError: there is no such collection.
            FailedPreconditionError: the server does not serve the collection's model.
        """
        request = _convert_items.upsert_request(items, self._connection.name(collection))
        return _convert_items.upsert_result(
            self._connection.call(self._connection.collections.UpsertItems, request, timeout)
        )

    def get_items(
        self,
        ids: Iterable[str],
        *,
        fields: Iterable[Field] | None = None,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> list[Item]:
        """Return the items with these ids, in their order; ids that do not exist are left out.

        Args:
            ids: 1 to `Limits.max_page_size`.
            fields: what an item carries besides its id; None means uri and metadata.
            collection: where they are.
            timeout: limit of the call, in seconds.

        Raises:
            NotFoundError: there is no such collection.
            FailedPreconditionError: the collection is not loaded.
        """
        request = _convert_items.get_items_request(ids, self._connection.name(collection), fields)
        response = self._connection.call(self._connection.collections.GetItems, request, timeout)
        return [_convert_items.item(message) for message in response.items]

    def list_items(
        self,
        *,
        filter: str = "",
        params: Mapping[str, object] | None = None,
        fields: Iterable[Field] | None = None,
        page_size: int = 100,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> Iterator[Item]:
        """Yield the matching items, sorted by id; the next page is fetched when it is reached.

        Args:
            filter: as in `search`; empty means every item.
            params: as in `search`.
            fields: what an item carries besides its id; None means uri and metadata.
            page_size: items of one call, 1 to `Limits.max_page_size`.
            collection: where they are.
            timeout: limit of the call for each page, in seconds.

        Raises:
            NotFoundError: there is no such collection.
            FailedPreconditionError: the collection is not loaded.
        """
        request = _convert_items.list_items_request(
            self._connection.name(collection),
            filter=filter,
            params=params,
            fields=fields,
            page_size=page_size,
        )
        while True:
            response = self._connection.call(
                self._connection.collections.ListItems, request, timeout
            )
            yield from map(_convert_items.item, response.items)
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    def count_items(
        self,
        *,
        filter: str = "",
        params: Mapping[str, object] | None = None,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> int:
        """Return the exact number of matching items; filter and params as in `search`.

        Raises:
            NotFoundError: there is no such collection.
            FailedPreconditionError: the collection is not loaded.
        """
        request = _convert_items.count_items_request(
            self._connection.name(collection), filter=filter, params=params
        )
        return self._connection.call(
            self._connection.collections.CountItems, request, timeout
        ).count

    def delete_items(
        self,
        ids: Iterable[str] | None = None,
        *,
        filter: str = "",
        params: Mapping[str, object] | None = None,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> int:
        """Remove items by ids or by filter and return how many there were.

        If the call was retried after a break, the number is that of its last attempt.

        Args:
            ids: 1 to `Limits.max_page_size`; ids that do not exist are not an error.
            filter: as in `search`; an alternative to ids.
            params: as in `search`.
            collection: where they are.
            timeout: limit of the call, in seconds.

        Raises:
            InvalidRequestError: also unless exactly one of ids and filter is given; then nothing is
                removed.
            NotFoundError: there is no such collection.
        """
        request = _convert_items.delete_items_request(
            ids, self._connection.name(collection), filter=filter, params=params
        )
        return self._connection.call(
            self._connection.collections.DeleteItems, request, timeout
        ).deleted_count
