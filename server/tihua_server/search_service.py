"""SearchService over gRPC."""

from time import perf_counter

from tihua.v1 import search_service_pb2 as pb
from tihua.v1 import search_service_pb2_grpc as rpc

from tihua_server.answers import fill_hit, from_ref, from_stages
from tihua_server.call import Calls, Context
from tihua_server.config import Limits
from tihua_server.errors import InvalidInput, ServiceError
from tihua_server.filling import MessageRoom, fill_all
from tihua_server.flow import Flow
from tihua_server.item_requests import to_fields, to_filter
from tihua_server.page_token import decode_page_token, encode_page_token
from tihua_server.requests import check_batch, to_count
from tihua_server.search_params import SearchParams
from tihua_server.search_requests import to_consistency, to_group_by, to_min_score, to_terms
from tihua_server.searcher import Query, Searcher
from tihua_server.status import item_error
from tihua_server.together import together

DEFAULT_LIMIT = 10
"""Hits of an answer when the caller does not say."""


class SearchService(rpc.SearchServiceServicer):
    """Answers Search and SearchMany."""

    def __init__(self, searcher: Searcher, limits: Limits, calls: Calls) -> None:
        """Take the searcher, the bounds on a request, and what hears of queries that fail."""
        self._calls = calls
        self._searcher = searcher
        self._limits = limits

    async def Search(self, request: pb.SearchRequest, context: Context) -> pb.SearchResponse:
        """Answer one query."""
        return await self._search(request, MessageRoom(self._limits))

    async def SearchMany(
        self, request: pb.SearchManyRequest, context: Context
    ) -> pb.SearchManyResponse:
        """Answer many queries; each has its own answer or error."""
        check_batch(request.requests, "requests", self._limits.max_batch_items)
        flow, room = Flow(), MessageRoom(self._limits, answers=len(request.requests))
        outcomes = await together([self._outcome(each, room, flow) for each in request.requests])
        errors = [outcome for outcome in outcomes if isinstance(outcome, ServiceError)]
        self._calls.report_parts("SearchService/SearchMany", errors)
        answer = pb.SearchManyResponse()
        entries = list(enumerate(outcomes))
        await fill_all(answer, answer.entries, entries, _fill_entry, MessageRoom(self._limits))
        return answer

    async def _outcome(
        self, request: pb.SearchRequest, room: MessageRoom, flow: Flow
    ) -> pb.SearchResponse | ServiceError:
        try:
            return await self._search(request, room, flow)
        except ServiceError as error:
            return error

    async def _search(
        self, request: pb.SearchRequest, room: MessageRoom, flow: Flow | None = None
    ) -> pb.SearchResponse:
        start_s = perf_counter()
        # A position is "24 photos_1": so many hits before, in the collection of that name.
        position = decode_page_token(request, request.page_token)
        before, _, pages_of = position.partition(" ")
        params = self._params(request, offset=int(before or 0))
        terms = to_terms(request.terms, self._limits)
        query = Query(
            request.collection,
            terms,
            params,
            request.model,
            group=to_group_by(request, self._limits),
            pages_of=pages_of,
        )
        found = await self._searcher.search(query, flow)
        end = params.offset + params.limit
        is_last = len(found.hits) < params.limit or end >= self._limits.max_search_window
        position = f"{end} {found.collection}"
        answer = pb.SearchResponse(
            next_page_token="" if is_last else encode_page_token(request, position),
            model=from_ref(found.model),
        )
        await fill_all(answer, answer.hits, found.hits, fill_hit, room)
        answer.timing.CopyFrom(from_stages(found.stages, start_s))
        return answer

    def _params(self, request: pb.SearchRequest, *, offset: int) -> SearchParams:
        limits = self._limits
        limit = to_count(request, "limit", default=DEFAULT_LIMIT, maximum=limits.max_page_size)
        if offset >= limits.max_search_window:
            raise InvalidInput(
                f"page_token asks for hits beyond {limits.max_search_window}, the most that all "
                "pages of a search can reach",
                reason="SEARCH_WINDOW",
                field="page_token",
            )
        return SearchParams(
            limit=min(limit, limits.max_search_window - offset),
            offset=offset,
            filter=to_filter(request.filter, request.filter_params),
            min_score=to_min_score(request),
            fields=to_fields(request.read_mask),
            index_params=dict(request.index_params),
            consistency=to_consistency(request.consistency),
        )


def _fill_entry(
    message: pb.SearchManyResponse.Entry, outcome: tuple[int, pb.SearchResponse | ServiceError]
) -> None:
    index, answer = outcome
    if isinstance(answer, ServiceError):
        message.error.CopyFrom(item_error(index, "", answer))
    else:
        message.response.CopyFrom(answer)
