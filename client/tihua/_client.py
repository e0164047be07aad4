"""The blocking client: each method builds a request, calls the stub and converts the answer.

The methods about the server and bulk ingestion are here, the others in `_*_methods.py`.
"""

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from grpc_health.v1 import health_pb2

from tihua import _convert_server
from tihua._base_connection import Settings
from tihua._channel import DEFAULT_ADDRESS, DEFAULT_COLLECTION, DEFAULT_TIMEOUT_S
from tihua._collection_methods import CollectionMethods
from tihua._connection import Connection
from tihua._convert_server import HEALTH_SERVICES
from tihua._embedding_methods import EmbeddingMethods
from tihua._ingest.driver import run_ingest
from tihua._ingest.session import IngestSession
from tihua._ingest.types import IngestProgress, IngestSummary, WriteMode
from tihua._item_methods import ItemMethods
from tihua._reconnect import Reconnect
from tihua._search_methods import SearchMethods
from tihua._server_types import ServerInfo
from tihua._tls import Tls
from tihua._types import Item
from tihua.errors import NotFoundError, TihuaError
from tihua.v1 import system_service_pb2

__all__ = ["Client"]


class Client(CollectionMethods, ItemMethods, EmbeddingMethods, SearchMethods):
    """A connection to a tihua server; blocking, and safe to share between threads.

    Nothing is sent before the first call, and the next call restores a lost connection.
    Use it in a `with` block, or call `close()`. A client can't be used after a fork: make one in
    each process.

    A method that fails raises a `TihuaError`. If the client is closed, or was made before a fork,
    it raises RuntimeError; a call that is in flight when the client is closed raises
    UnavailableError, and an `ingest` RuntimeError. All methods may raise:
        InvalidRequestError: the request is wrong; the message says what to correct.
        OverloadedError: the server is busy.
        UnavailableError: the server or its store does not answer.
        DeadlineError: the answer did not come within `timeout`.
        UnauthenticatedError, PermissionDeniedError: the server requires a token, or the token's
            role does not allow the call.

    Every method except `ingest` has a `timeout` in seconds, more than 0 and at most 86 400 (a day).
    Methods about a collection have its name as `collection` or `name`. None means the value given
    to the constructor.
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
            address: `host:port`, or any other gRPC target.
            collection: the default collection.
            timeout: the default limit of a call, in seconds; more than 0 and at most 86 400.
            tls: encrypt calls and verify the server. True trusts the CAs that come with gRPC; a
                `Tls` names other CAs, and may add a client certificate.
            token: the caller's token, for a server that requires one.
            insecure: allow the token to be sent unencrypted to other machines.

        Raises:
            InvalidRequestError: the address, the token or the timeout is invalid, a certificate
                can't be used, or the token would be sent unencrypted to another machine.
        """
        self._connection = Connection(
            Settings(
                address=address,
                collection=collection,
                timeout=timeout,
                tls=tls,
                token=token,
                insecure=insecure,
            )
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
        """Close the connection; calls in flight on other threads fail. May be called again."""
        self._connection.close()

    def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        """Return version, limits, models and store of the server."""
        request = system_service_pb2.GetServerInfoRequest()
        return _convert_server.server_info(
            self._connection.call(self._connection.system.GetServerInfo, request, timeout)
        )

    def health(self, *, timeout: float | None = None) -> dict[str, str]:
        """Return the health of each service, by name; the server as a whole has the name "".

        A server that refuses other calls still answers this one. Of several servers at the address,
        the first that can be reached is asked.

        Returns:
            "SERVING", "NOT_SERVING", or "SERVICE_UNKNOWN" if the server has no such service.
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
        model: str = "",
    ) -> IngestSummary:
        """Embed and write any number of items over one stream, and resume it if it breaks.

        An item that fails, for example because its file can't be read, is reported to
        `on_progress` and counted; the others are written. `items` is consumed on the calling thread
        as the server grants credit. A picture given as a path is read just before it is sent, and
        only what is in flight is kept in memory. There is no deadline. An exception in `items` or
        `on_progress`, including KeyboardInterrupt, ends the stream and propagates; what was
        acknowledged before it is stored.

        Args:
            items: the items to write; if several have the same id, the last is kept.
            mode: what to do with an id that is already stored: "upsert" replaces the item,
                "insert-only" fails the new one, and "skip-existing" leaves the stored one. For
                that it first asks the server which ids exist, up to 256 per call; the items that
                exist are not read, sent or embedded.
            session_id: the session of an earlier call that did not finish, to resume it after its
                last safe batch. Give the same items in the same order, and the same mode and
                batch_size. Safe items are not read again, so their files may be gone. Items that
                the earlier call could not send, and reported, count as failed. In mode
                "skip-existing", items are then sent whether they are stored or not. A server that
                has forgotten the session, for example after a restart, gets all items again; if one
                of them can no longer be read, then in the modes other than "upsert" the items after
                it that the session wrote may count as stored by another writer. Give each list of
                items its own id: only the server where a session finished knows that it is over,
                and in the modes other than "upsert" an item that it wrote counts as written again
                if it comes at the same position. None starts a new session.
            batch_size: items per message, capped by `Limits.max_batch_items` and 4 MiB.
            on_progress: called after each acknowledgement, on the calling thread, with what is
                safe and the failures since the previous call.
            on_break: called with the reason when the server can't be reached or the stream breaks,
                and the client will retry; once per outage, on the calling thread.
            reconnect_timeout: how long to keep retrying after a break without any progress, in
                seconds; 0 disables retries.
            collection: where to write.
            model: the id of the model that the items were prepared for, as with `tihua.preprocess`.
                Nothing is written to a collection of another model, even if an alias is pointed to
                one during the call. Empty accepts the collection's model, whichever it is.

        Raises:
            NotFoundError: there is no such collection, or the server does not serve `model`.
            FailedPreconditionError: the collection's model is not `model`, or is not served; or the
                session was opened for another collection or mode, belongs to other items, had them
                in other batches on the server that now answers, was started by a client or server
                too old to resume it, or continued in another stream.
            UnavailableError, DeadlineError: the server did not come back, or did not answer in
                time, within `reconnect_timeout`.
        """
        started = time.monotonic()
        info = self._reached(Reconnect(reconnect_timeout, on_break=on_break))
        session = IngestSession(
            info.limits,
            collection=self._connection.name(collection),
            mode=mode,
            session_id=session_id,
            batch_size=batch_size,
            model=model,
        )
        report = on_progress or (lambda _: None)
        reconnect = Reconnect(reconnect_timeout, on_break=on_break)
        run_ingest(self._connection, session, iter(items), report, reconnect)
        return IngestSummary(*session.totals, seconds=time.monotonic() - started)

    def _reached(self, reconnect: Reconnect) -> ServerInfo:
        """Return the server's description; retry as `reconnect` allows."""
        while True:
            try:
                return self.server_info()
            except TihuaError as error:
                self._connection.check_open()  # or it would be reported as a break that is retried
                time.sleep(reconnect.delay_after(error, 0))
