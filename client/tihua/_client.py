"""The blocking client: each method builds a request, calls the stub and converts the answer."""

# ruff: noqa: A002 - `filter` is the contract's word

import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Literal, Self

from grpc_health.v1 import health_pb2

from tihua import _convert_search, _convert_server
from tihua._call_metadata import request_id_of
from tihua._channel import DEFAULT_ADDRESS, DEFAULT_COLLECTION, DEFAULT_TIMEOUT_S
from tihua._collection_methods import CollectionMethods
from tihua._connection import Connection
from tihua._convert_server import HEALTH_SERVICES, Priority
from tihua._ingest import run_ingest
from tihua._ingest_session import IngestSession
from tihua._ingest_types import IngestProgress, IngestSummary, WriteMode
from tihua._reconnect import Reconnect
from tihua._server_types import ServerInfo
from tihua._tls import Tls
from tihua._types import (
    Embedding,
    EmbeddingLike,
    EmbedResult,
    Field,
    ImageLike,
    Item,
    Query,
    SearchResult,
    Term,
)
from tihua.errors import NotFoundError, TihuaError
from tihua.v1 import system_service_pb2

__all__ = ["Client"]


class Client(CollectionMethods):
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

    Every method but `ingest` takes `timeout` in seconds, and those about a collection take its name
    as `collection` (or `name`); None means what was given here.
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
            timeout: limit of each call that sets none, in seconds.
            tls: encrypt calls and make sure of the server: True trusts the CAs that gRPC brings,
                a `Tls` says which, and may carry the client's own certificate.
            token: who calls, for a server that asks for it.
            insecure: send the token unencrypted to other machines too.

        Raises:
            InvalidRequestError: the address is none, a certificate can't be used, or the token
                would go unencrypted to another machine.
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

    def embed_text(self, text: str, *, model: str = "", timeout: float | None = None) -> Embedding:
        """Return the embedding of one text: dim float32, L2 norm 1."""
        result = self.embed_texts([text], model=model, timeout=timeout)
        return _convert_server.only_embedding(result)

    def embed_image(
        self, image: ImageLike, *, model: str = "", timeout: float | None = None
    ) -> Embedding:
        """Return the embedding of one picture: dim float32, L2 norm 1."""
        result = self.embed_images([image], model=model, timeout=timeout)
        return _convert_server.only_embedding(result)

    def embed_texts(
        self,
        texts: Iterable[str],
        *,
        truncate: bool = True,
        priority: Priority = "interactive",
        model: str = "",
        timeout: float | None = None,
    ) -> EmbedResult:
        """Return one embedding per text; a text that fails does not disturb the others.

        Args:
            texts: 1 to `Limits.max_batch_items`.
            truncate: whether only the beginning of a text beyond the model's context counts; else
                it fails (reason `TEXT_TRUNCATED`).
            priority: "bulk" is computed when no "interactive" work waits.
            model: the id of the model; empty means the first that the server serves.
            timeout: limit of the call, in seconds.
        """
        request = _convert_server.embed_text_request(
            texts, truncate=truncate, priority=priority, model=model
        )
        return _convert_server.embed_result(
            self._connection.call(self._connection.embedding.EmbedText, request, timeout)
        )

    def embed_images(
        self,
        images: Iterable[ImageLike],
        *,
        priority: Priority = "interactive",
        model: str = "",
        timeout: float | None = None,
    ) -> EmbedResult:
        """Return one embedding per picture; a picture that fails does not disturb the others.

        Args:
            images: 1 to `Limits.max_batch_items`.
            priority: "bulk" is computed when no "interactive" work waits.
            model: the id of the model; empty means the first that the server serves.
            timeout: limit of the call, in seconds.

        Raises:
            InvalidRequestError: also when a file cannot be read; then nothing is sent.
        """
        request = _convert_server.embed_image_request(images, priority=priority, model=model)
        return _convert_server.embed_result(
            self._connection.call(self._connection.embedding.EmbedImage, request, timeout)
        )

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
        consistency: Literal["bounded", "strong"] = "bounded",
        page_token: str = "",
        group_by: str = "",
        group_size: int | None = None,
        collection: str | None = None,
        timeout: float | None = None,
    ) -> SearchResult:
        """Return the items nearest to a text, a picture, an embedding or an item.

        Exactly one of the first five must be given. No hits is an answer, not an error.

        Args:
            text: a text.
            image: a picture.
            embedding: an embedding that the collection's model made; scaled to L2 norm 1.
            item_id: an item of the collection, which is itself left out of the hits.
            terms: several of these with weights; the query is their weighted sum.
            limit: hits to return at most, 1 to `Limits.max_page_size`.
            filter: a Milvus boolean expression over `id`, `uri` and metadata keys, with values
                bound by name: `year >= {since} and place in {places}`.
            params: a value for each {name} of the filter.
            min_score: hits with a lower score are left out; in [-1, 1].
            fields: what a hit carries beside id and score; None means uri and metadata.
            index_params: "nprobe" (IVF_FLAT) or "ef" (HNSW); None means the store's defaults.
            consistency: "strong" sees whatever was written before, and is slower.
            page_token: `next_page_token` of the same search, for the hits after it.
            group_by: a metadata key, or "uri": of items that have the same value there only the
                best are hits. An item without the key is a hit.
            group_size: so many of them, over all pages; None means one.
            collection: where to search.
            timeout: limit of the call, in seconds.

        Raises:
            NotFoundError: there is no such collection or item.
            FailedPreconditionError: the collection is another model's, or is not loaded.
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
        """Return what became of each query; one that fails does not disturb the others.

        Args:
            queries: 1 to `Limits.max_batch_items`, embedded together.
            collection: where to search, for queries that do not say.
            timeout: limit of the call, in seconds.
        """
        name = self._connection.name(collection)
        request = _convert_search.search_many_request(queries, name)
        metadata = self._connection.metadata()
        response = self._connection.call(
            self._connection.search.SearchMany, request, timeout, metadata
        )
        request_id = request_id_of(metadata)
        return [_convert_search.search_entry(entry, request_id) for entry in response.entries]

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
            on_break: called when the stream broke and is tried again, with the reason; for one
                outage once, on the calling thread.
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
        session = IngestSession(
            self.server_info().limits,
            collection=self._connection.name(collection),
            mode=mode,
            session_id=session_id,
            batch_size=batch_size,
        )
        report = on_progress or (lambda _: None)
        reconnect = Reconnect(reconnect_timeout, on_break=on_break)
        run_ingest(self._connection, session, iter(items), report, reconnect)
        return IngestSummary(*session.totals, seconds=time.monotonic() - started)
