"""The methods of `AsyncClient` that search."""

# ruff: noqa: A002 - `filter` is the contract's word

import asyncio
from collections.abc import Iterable, Mapping

from tihua import _convert_search
from tihua._async_connection import AsyncConnection
from tihua._call_metadata import request_id_of
from tihua._query_batch import QueryBatch
from tihua._search_types import Consistency, Query, SearchResult, Term
from tihua._types import EmbeddingLike, Field, ImageLike
from tihua.errors import TihuaError


class AsyncSearchMethods:
    """A part of `AsyncClient`."""

    _connection: AsyncConnection

    async def search(
        self,
        *,
        text: str | None = None,
        image: ImageLike | None = None,
        embedding: EmbeddingLike | None = None,
        item_id: str | None = None,
        terms: Iterable[Term] | None = None,
        limit: int = 10,
        filter: str = "",
        params: Mapping[str, object] | None = None,
        min_score: float | None = None,
        fields: Iterable[Field] | None = None,
        index_params: Mapping[str, int] | None = None,
        consistency: Consistency = "bounded",
        page_token: str = "",
        group_by: str = "",
        group_size: int | None = None,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> SearchResult:
        """Return the items nearest to a text, a picture, an embedding or an item.

        Arguments and errors are those of `Client.search`.
        """
        query = Query(
            text=text,
            image=image,
            embedding=embedding,
            item_id=item_id,
            terms=None if terms is None else tuple(terms),
            limit=limit,
            filter=filter,
            params=params,
            min_score=min_score,
            fields=fields if fields is None or isinstance(fields, str) else tuple(fields),
            index_params=index_params,
            consistency=consistency,
            page_token=page_token,
            group_by=group_by,
            group_size=group_size,
        )
        name = self._connection.name(collection)
        request = await asyncio.to_thread(_convert_search.search_request, query, name)
        return _convert_search.search_result(
            await self._connection.call(self._connection.search.Search, request, timeout)
        )

    async def search_many(
        self,
        queries: Iterable[Query],
        *,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> list[SearchResult | TihuaError]:
        """Return the result of each query, or its error; one that fails does not affect the others.

        Arguments and errors are those of `Client.search_many`.
        """
        name = self._connection.name(collection)
        request = await asyncio.to_thread(_convert_search.search_many_request, list(queries), name)
        batch = QueryBatch(request, self._connection.retries(timeout))
        method = self._connection.search.SearchMany
        while True:
            metadata = self._connection.metadata()
            try:
                response = await self._connection.call(
                    method, batch.request, batch.retries, metadata
                )
            except TihuaError as error:
                return batch.results_despite(error)
            delay_s = batch.take(response, request_id_of(metadata))
            if delay_s is None:
                return batch.results
            await asyncio.sleep(delay_s)
