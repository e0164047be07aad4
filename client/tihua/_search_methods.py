"""The methods of `Client` that search."""

# ruff: noqa: A002 - `filter` is the contract's word

import time
from collections.abc import Iterable, Mapping

from tihua import _convert_search
from tihua._call_metadata import request_id_of
from tihua._connection import Connection
from tihua._query_batch import QueryBatch
from tihua._search_types import Consistency, Query, SearchResult, Term
from tihua._types import EmbeddingLike, Field, ImageLike
from tihua.errors import TihuaError


class SearchMethods:
    """A part of `Client`, whose docstring says what all methods have in common."""

    _connection: Connection

    def search(
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

        Exactly one of the first five must be given. Finding nothing is not an error.

        Args:
            text: a text.
            image: a picture.
            embedding: an embedding made by the collection's model; scaled to L2 norm 1.
            item_id: an item of the collection; it is left out of the hits.
            terms: several of these with weights; the query is their weighted sum.
            limit: maximum number of hits, 1 to `Limits.max_page_size`.
            filter: a Milvus boolean expression over `id`, `uri` and metadata keys, with values
                bound by name: `year >= {since} and place in {places}`. A key that contains blanks
                or signs, or starts with a digit, is written `$meta["shot on"]`.
            params: a value for each {name} of the filter.
            min_score: hits with a lower score are left out; in [-1, 1].
            fields: what a hit carries besides id and score; None means uri and metadata.
            index_params: "nprobe" (IVF_FLAT) or "ef" (HNSW); None means the server's defaults.
            consistency: "strong" sees everything written before the call, and is slower.
            page_token: `next_page_token` of the same search, for the hits after it.
            group_by: a metadata key, or "uri": of the items with the same value, only the best are
                hits. An item without the key, or for "uri" without a uri, is in no group: it is
                a hit of its own.
            group_size: maximum hits of one group over all pages; None means one.
            collection: where to search.
            timeout: limit of the call, in seconds.

        Raises:
            NotFoundError: there is no such collection or item.
            FailedPreconditionError: the server does not serve the collection's model, or the
                collection is not loaded.
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
        request = _convert_search.search_request(query, self._connection.name(collection))
        return _convert_search.search_result(
            self._connection.call(self._connection.search.Search, request, timeout)
        )

    def search_many(
        self,
        queries: Iterable[Query],
        *,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> list[SearchResult | TihuaError]:
        """Return the result of each query, or its error; one that fails does not affect the others.

        A query that is refused for now (`OverloadedError`, `UnavailableError`) is retried, as in
        `search`, before it counts as failed.

        Args:
            queries: 1 to `Limits.max_batch_items`, embedded together.
            collection: where to search, for queries that name no collection.
            timeout: limit of the whole call, including retries, in seconds.
        """
        name = self._connection.name(collection)
        request = _convert_search.search_many_request(queries, name)
        batch = QueryBatch(request, self._connection.retries(timeout))
        method = self._connection.search.SearchMany
        while True:
            metadata = self._connection.metadata()
            try:
                response = self._connection.call(method, batch.request, batch.retries, metadata)
            except TihuaError as error:
                return batch.results_despite(error)
            delay_s = batch.take(response, request_id_of(metadata))
            if delay_s is None:
                return batch.results
            time.sleep(delay_s)
