"""SearchService over gRPC."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from time import perf_counter

from tihua.v1 import search_service_pb2 as pb
from tihua.v1 import search_service_pb2_grpc as rpc

from tihua_server.batching.flow import Flow
from tihua_server.config import Limits
from tihua_server.errors import InvalidInput, ServiceError
from tihua_server.query import Found, Query, Term
from tihua_server.rpc.answers import fill_hit, from_ref, from_stages
from tihua_server.rpc.call import Calls, Context
from tihua_server.rpc.filling import MessageRoom, fill_all
from tihua_server.rpc.item_requests import to_fields, to_filter
from tihua_server.rpc.page_token import (
    content_digest,
    decode_search_token,
    encode_search_token,
    request_digest,
)
from tihua_server.rpc.requests import bounded_int, check_batch
from tihua_server.rpc.search_requests import to_consistency, to_group_by, to_min_score, to_terms
from tihua_server.rpc.status import item_error
from tihua_server.search_params import SearchParams
from tihua_server.searcher import Searcher
from tihua_server.types import EncodedImage, RgbImage

DEFAULT_LIMIT = 10
"""Hits in an answer unless the request sets `limit`."""


@dataclass(frozen=True, slots=True)
class _ParsedSearch:
    """A validated search request, without the message and its copy of the pictures.

    Attributes:
        query: what to search for.
        digest: of the request; the token of the next page is bound to it.
        start_s: when parsing began, by `perf_counter`.
    """

    query: Query
    digest: bytes
    start_s: float


class SearchService(rpc.SearchServiceServicer):
    """Answers Search and SearchMany."""

    def __init__(self, searcher: Searcher, limits: Limits, calls: Calls) -> None:
        """Answer with `searcher`, within `limits`; failed queries are reported to `calls`."""
        self._calls = calls
        self._searcher = searcher
        self._limits = limits

    async def Search(self, request: pb.SearchRequest, context: Context) -> pb.SearchResponse:
        """Answer one query."""
        parsed = await self._parse(request)
        del request  # it holds another copy of every picture
        found = await self._searcher.search(parsed.query)
        return await self._answer(parsed, found, MessageRoom(self._limits))

    async def SearchMany(
        self, request: pb.SearchManyRequest, context: Context
    ) -> pb.SearchManyResponse:
        """Answer many queries; each has its own answer or error."""
        check_batch(request.requests, "requests", self._limits.max_batch_items)
        parts = [await self._parse_or_error(each) for each in request.requests]
        del request  # it holds another copy of every picture
        room = MessageRoom(self._limits, answers=len(parts))
        parsed = {
            place: part for place, part in enumerate(parts) if isinstance(part, _ParsedSearch)
        }
        outcomes: dict[int, pb.SearchResponse | ServiceError] = {
            place: part for place, part in enumerate(parts) if isinstance(part, ServiceError)
        }

        async def answer(place: int, found: Found | ServiceError) -> None:
            outcomes[place] = await self._outcome(parsed[place], found, room)

        queries = {place: part.query for place, part in parsed.items()}
        flow = Flow(sum(len(query.terms) for query in queries.values()))
        await self._searcher.search_many(queries, answer, flow)
        entries = sorted(outcomes.items(), key=itemgetter(0))
        errors = [outcome for _, outcome in entries if isinstance(outcome, ServiceError)]
        self._calls.report_parts("SearchService/SearchMany", errors)
        response = pb.SearchManyResponse()
        await fill_all(response, response.entries, entries, _fill_entry, MessageRoom(self._limits))
        return response

    async def _parse(self, request: pb.SearchRequest) -> _ParsedSearch:
        """Validate a request; its pictures are overwritten (`_consumed_digest`)."""
        start_s = perf_counter()
        params = self._params(request)
        terms = to_terms(request.terms, self._limits)
        digest = await _consumed_digest(request, terms)
        offset, pages_of = decode_search_token(digest, request.page_token)
        query = Query(
            request.collection,
            terms,
            self._page(params, offset),
            request.model,
            group=to_group_by(request, self._limits),
            pages_of=pages_of,
        )
        return _ParsedSearch(query, digest, start_s)

    async def _parse_or_error(self, request: pb.SearchRequest) -> _ParsedSearch | ServiceError:
        try:
            return await self._parse(request)
        except ServiceError as error:
            return error

    async def _outcome(
        self, parsed: _ParsedSearch, found: Found | ServiceError, room: MessageRoom
    ) -> pb.SearchResponse | ServiceError:
        if isinstance(found, ServiceError):
            return found
        try:
            return await self._answer(parsed, found, room)
        except ServiceError as error:
            return error

    async def _answer(
        self, parsed: _ParsedSearch, found: Found, room: MessageRoom
    ) -> pb.SearchResponse:
        params = parsed.query.params
        end = params.offset + params.limit
        is_last = len(found.hits) < params.limit or end >= self._limits.max_search_window
        answer = pb.SearchResponse(
            next_page_token=(
                "" if is_last else encode_search_token(parsed.digest, end, found.collection)
            ),
            model=from_ref(found.model),
            truncated_terms=found.truncated_terms,
        )
        await fill_all(answer, answer.hits, found.hits, fill_hit, room)
        answer.timing.CopyFrom(from_stages(found.stages, parsed.start_s))
        return answer

    def _page(self, first: SearchParams, offset: int) -> SearchParams:
        """Return how to search for the page that begins at `offset`."""
        window = self._limits.max_search_window
        if offset >= window:
            raise InvalidInput(
                f"page_token asks for hits beyond {window}, the most that all pages of a search "
                "can reach",
                reason="SEARCH_WINDOW",
                field="page_token",
            )
        return replace(first, limit=min(first.limit, window - offset), offset=offset)

    def _params(self, request: pb.SearchRequest) -> SearchParams:
        """Return how to search for the first page."""
        limit = bounded_int(
            request, "limit", default=DEFAULT_LIMIT, maximum=self._limits.max_page_size
        )
        return SearchParams(
            limit=limit,
            filter=to_filter(request.filter, request.filter_params),
            min_score=to_min_score(request),
            fields=to_fields(request.read_mask),
            index_params=dict(request.index_params),
            consistency=to_consistency(request.consistency),
        )


async def _consumed_digest(request: pb.SearchRequest, terms: Sequence[Term]) -> bytes:
    """Hash a request for its page token, and replace its pictures by their hashes **in place**.

    `terms` have the pictures already, and with them in the message `request_digest` would copy and
    serialize up to 64 MiB in the event loop. Large ones are hashed in a thread.
    """
    for message, term in zip(request.terms, terms, strict=True):
        match term.value:
            case EncodedImage(content):
                message.image.content = await content_digest(content)
            case RgbImage(data):
                message.image.rgb.data = await content_digest(data)
    return request_digest(request)


def _fill_entry(
    message: pb.SearchManyResponse.Entry, outcome: tuple[int, pb.SearchResponse | ServiceError]
) -> None:
    index, answer = outcome
    if isinstance(answer, ServiceError):
        message.error.CopyFrom(item_error(index, "", answer))
    else:
        message.response.CopyFrom(answer)
