"""The blocking client: each method builds a request, calls the stub and converts the answer.

Those about the server and the bulk stream are here, the others in `_*_methods.py`.
"""

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from grpc_health.v1 import health_pb2

from tihua import _convert_server
from tihua._channel import DEFAULT_ADDRESS, DEFAULT_COLLECTION, DEFAULT_TIMEOUT_S
from tihua._collection_methods import CollectionMethods
from tihua._connection import Connection
from tihua._convert_server import HEALTH_SERVICES
from tihua._embedding_methods import EmbeddingMethods
from tihua._ingest import run_ingest
from tihua._ingest_session import IngestSession
from tihua._ingest_types import IngestProgress, IngestSummary, WriteMode
from tihua._item_methods import ItemMethods
from tihua._reconnect import Reconnect, answered
from tihua._search_methods import SearchMethods
from tihua._server_types import ServerInfo
from tihua._tls import Tls
from tihua._types import Item
from tihua.errors import NotFoundError, TihuaError
from tihua.v1 import system_service_pb2

__all__ = ["Client"]


class Client(CollectionMethods, ItemMethods, EmbeddingMethods, SearchMethods):
    """A connection to a tihua server; blocking, and safe to share between threads.

    Nothing is sent before the first call, and a lost connection is made again by the next one.
    Use it in a `with` block, or call `close()`.

    Every method raises a `TihuaError`; of those that all have in common:
        InvalidRequestError: the request is wrong; the message says what to mend.
        OverloadedError: the server is busy.
        UnavailableError: no server, or its store does not answer.
        DeadlineError: the answer did not come within `timeout`.
        UnauthenticatedError, PermissionDeniedError: the server asks for a token, or one that may
            do this.

    Every method but `ingest` takes `timeout` in seconds, more than 0 and at most 86 400, a day; and
    those about a collection take its name as `collection` (or `name`). None means what was given
    here.
    """

    def __init__(
        self,
        address: str = DEFAULT_ADDRESS,
        *,
        collection: str = DEFAULT_COLLECTION,
        timeout: float = DEFAULT_TIMEOUT_S,
        tls: bool | Tls = False,
        token: str = "",
        insecure: bool = False,
    ) -> None:
        """Prepare a connection.

        Args:
            address: `host:port`, or any other target of gRPC.
            collection: the collection of calls that name none.
            timeout: limit of each call that sets none, in seconds; more than 0 and at most 86 400.
            tls: encrypt calls and make sure of the server: True trusts the CAs that gRPC brings,
                a `Tls` says which, and may carry the client's own certificate.
            token: who calls, for a server that asks for it.
            insecure: send the token unencrypted to other machines too.

        Raises:
            InvalidRequestError: the address or the timeout is none, a certificate can't be used,
                or the token would go unencrypted to another machine.
        """
        self._connection = Connection(
            address, collection=collection, timeout=timeout, tls=tls, token=token, insecure=insecure
        )

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the client."""
        self.close()

    def close(self) -> None:
        """Close the connection; calls in flight on other threads fail. Again does nothing."""
        self._connection.close()

    def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        """Return version, limits, models and store of the server."""
        request = system_service_pb2.GetServerInfoRequest()
        return _convert_server.server_info(
            self._connection.call(self._connection.system.GetServerInfo, request, timeout)
        )

    def health(self, *, timeout: float | None = None) -> dict[str, str]:
        """Return how each service is, by name; the server as a whole has the name "".

        Returns:
            "SERVING", "NOT_SERVING", or "SERVICE_UNKNOWN" where the server has no such service.
        """
        states = {}
        for service in HEALTH_SERVICES:
            request = health_pb2.HealthCheckRequest(service=service)
            try:
                response = self._connection.call(self._connection.check_health, request, timeout)
            except NotFoundError:
                states[service] = "SERVICE_UNKNOWN"
            else:
                states[service] = health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
        return states

    def ingest(
        self,
        items: Iterable[Item],
        *,
        mode: WriteMode = "upsert",
        session_id: str | None = None,
        batch_size: int = 32,
        on_progress: Callable[[IngestProgress], None] | None = None,
        on_break: Callable[[TihuaError], None] | None = None,
        reconnect_timeout: float = 60.0,
        collection: str | None = None,
    ) -> IngestSummary:
        """Embed and write any number of items over one stream, and go on after a break.

        An item that fails, be it that its file cannot be read, is told to `on_progress` and
        counted; the others are written. Items are taken as the server asks for them, on the calling
        thread, a picture that is given as a path is read when it is about to be sent, and only
        what is in flight is kept. There is no deadline. An exception of `items` or
        `on_progress`, KeyboardInterrupt included, ends the stream and is raised; what was
        acknowledged before is stored.

        Args:
            items: what to write; of several with one id the last is kept.
            mode: what to do with an id that is already stored: replace it, let the new item fail,
                or leave it and embed nothing; before anything of an item is read or sent, the
                server is then asked for its id, for up to 256 items in one call.
            session_id: that of an earlier call that did not end, to go on after what is safe: the
                same items in the same order, mode and batch_size must be given, and in mode
                "skip-existing" they are sent whether stored or not. None begins a session of its
                own.
            batch_size: items of one message; at most 4 MiB and `Limits.max_batch_items` are sent.
            on_progress: called after each acknowledgement, on the calling thread, with what is
                safe and the failures since the call before.
            on_break: called when the server is not there, or the stream broke, and it is tried
                again, with the reason; for one outage once, on the calling thread.
            reconnect_timeout: how long to try again after a break before nothing more got
                through, in seconds; 0 never tries.
            collection: where to write.

        Raises:
            NotFoundError: there is no such collection.
            FailedPreconditionError: the collection is another model's, or the session is of another
                collection or mode, or went on in another stream.
            UnavailableError, DeadlineError: the server did not come back, or did not answer in
                time, within `reconnect_timeout`.
        """
        started = time.monotonic()
        info = answered(self.server_info, Reconnect(reconnect_timeout, on_break=on_break))
        session = IngestSession(
            info.limits,
            collection=self._connection.name(collection),
            mode=mode,
            session_id=session_id,
            batch_size=batch_size,
        )
        report = on_progress or (lambda _: None)
        reconnect = Reconnect(reconnect_timeout, on_break=on_break)
        run_ingest(self._connection, session, iter(items), report, reconnect)
        return IngestSummary(*session.totals, seconds=time.monotonic() - started)
