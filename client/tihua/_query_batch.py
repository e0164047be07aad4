"""The queries of one `search_many` and their results; without I/O.

A query that is refused for now has its own error in an answer that is OK, so that neither gRPC nor
`Connection.call` retries it. These queries are sent again here, and no others.
"""

from tihua._call_retries import CallRetries, asked_delay_s
from tihua._convert_search import search_entry
from tihua._search_types import SearchResult
from tihua.errors import OverloadedError, TihuaError, UnavailableError
from tihua.v1.search_service_pb2 import SearchManyRequest, SearchManyResponse


class QueryBatch:
    """Builds the request for all queries, then for those that were refused for now.

    Attributes:
        request: the request of the next call.
        retries: the retry policy of all calls together.
        results: the result or error of each query so far, in their order.
    """

    def __init__(self, request: SearchManyRequest, retries: CallRetries) -> None:
        """Start with a request for all queries."""
        self.request = request
        self.retries = retries
        self._asked = list(range(len(request.requests)))
        self._is_answered = False
        nothing = search_entry(SearchManyResponse.Entry())
        self.results: list[SearchResult | TihuaError] = [nothing for _ in self._asked]

    def take(self, response: SearchManyResponse, request_id: str) -> float | None:
        """Store an answer; return how long to wait before the next call, in seconds.

        None means that there is no next call: the results are final.

        Args:
            response: the answer of the call.
            request_id: the id of the call in the server's log.
        """
        self._is_answered = True
        refused: dict[int, OverloadedError | UnavailableError] = {}
        for index, entry in zip(self._asked, response.entries, strict=False):
            result = self.results[index] = search_entry(entry, request_id)
            if isinstance(result, OverloadedError | UnavailableError):
                refused[index] = result
        if not refused:
            return None
        try:
            delay_s = self.retries.delay_after(max(refused.values(), key=asked_delay_s))
        except TihuaError:
            return None
        asked = zip(self._asked, self.request.requests, strict=True)
        again = [request for index, request in asked if index in refused]
        self.request = SearchManyRequest(requests=again)
        self._asked = list(refused)
        return delay_s

    def results_despite(self, error: TihuaError) -> list[SearchResult | TihuaError]:
        """Return the results after a call that failed as a whole.

        Raises:
            TihuaError: `error` itself, if no call was answered.
        """
        if not self._is_answered:
            raise error
        return self.results
