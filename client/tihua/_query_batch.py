"""The queries of one `search_many`, and what has become of each; knows no network.

A query that is refused for now has an error of its own in an answer that is OK: neither gRPC nor
`Connection.call` has anything to repeat. So such queries are asked for again here, and no others.
"""

from tihua._convert_search import search_entry
from tihua._patience import Patience, asked_delay_s
from tihua._search_types import SearchResult
from tihua.errors import OverloadedError, TihuaError, UnavailableError
from tihua.v1.search_service_pb2 import SearchManyRequest, SearchManyResponse


class QueryBatch:
    """Asks for all queries, and again for those that were refused for now.

    Attributes:
        request: of the next call.
        patience: of all calls together.
        results: what has become of each query, in their order.
    """

    def __init__(self, request: SearchManyRequest, patience: Patience) -> None:
        """Begin with a request for all queries."""
        self.request = request
        self.patience = patience
        self._asked = list(range(len(request.requests)))
        self._is_answered = False
        nothing = search_entry(SearchManyResponse.Entry())
        self.results: list[SearchResult | TihuaError] = [nothing for _ in self._asked]

    def take(self, response: SearchManyResponse, request_id: str) -> float | None:
        """Take an answer; return how long to wait before the next call, in seconds.

        None means that there is to be none, and that the results are final.

        Args:
            response: of the call.
            request_id: what the server's log calls the call.
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
            delay_s = self.patience.delay_after(max(refused.values(), key=asked_delay_s))
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
