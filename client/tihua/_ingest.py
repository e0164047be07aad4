"""The blocking end of an ingest: moves messages between an `IngestSession` and a stream.

The session and the caller's iterable and callback are touched by the calling thread alone, which
waits at one place, for the next message of the server. Two threads move messages and do nothing
else: gRPC's own takes requests out of one queue, ours puts responses into another. Both queues
are short, because the server's credit bounds what is in them.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import TypeAlias

import grpc

from tihua import _convert_items
from tihua._connection import Connection
from tihua._ingest_session import IngestSession
from tihua._ingest_types import IngestProgress
from tihua._reconnect import Reconnect
from tihua._status import error_from_rpc
from tihua._types import Item
from tihua.errors import InvalidRequestError, ServerError, TihuaError
from tihua.v1.ingest_service_pb2 import IngestRequest, IngestResponse

_Event: TypeAlias = IngestResponse | grpc.RpcError | None
"""What the server said, or how the stream ended: None for OK."""

_SIGNAL_CHECK_S = 0.2
"""How long a KeyboardInterrupt may have to wait, in seconds."""


def run_ingest(
    connection: Connection,
    session: IngestSession,
    items: Iterator[Item],
    on_progress: Callable[[IngestProgress], None],
    reconnect: Reconnect,
) -> None:
    """Send all items, over as many streams as it takes.

    Raises:
        TihuaError: the server refused, or did not come back in time.
    """
    while True:
        connection.check_open()
        error = _run_stream(connection, session, items, on_progress)
        if error is None:
            return
        session.broke()
        time.sleep(reconnect.delay_after(error, session.progress))


def _run_stream(
    connection: Connection,
    session: IngestSession,
    items: Iterator[Item],
    on_progress: Callable[[IngestProgress], None],
) -> TihuaError | None:
    """Run one stream to its end; return what it broke with, None if all is done."""
    requests: SimpleQueue[IngestRequest | None] = SimpleQueue()
    events: SimpleQueue[_Event] = SimpleQueue()
    requests.put(session.open())
    call = connection.ingest.Ingest(iter(requests.get, None), metadata=connection.metadata())
    reader = threading.Thread(
        target=_receive, args=(call, events), name="tihua-ingest", daemon=True
    )
    try:
        reader.start()
        is_half_closed = False
        while True:
            if (request := session.next_request()) is not None:
                requests.put(request)
            elif (ids := session.question()) is not None:
                try:
                    session.answer(connection.stored_ids(ids, session.collection))
                except TihuaError as error:
                    return error
            elif (item := session.next_item()) is not None:
                _read(session, item)
            elif session.wants_item and events.empty():
                _take_item(session, items)
            else:
                if session.is_all_sent and not is_half_closed:
                    requests.put(None)
                    is_half_closed = True
                event = _next_event(events)
                if not isinstance(event, IngestResponse):
                    break
                session.receive(event)
            if (progress := session.take_progress()) is not None:
                on_progress(progress)
    finally:
        # Whatever ended the loop, a KeyboardInterrupt or an error of the caller's own included:
        # the server is told at once, and neither thread is left waiting.
        call.cancel()
        requests.put(None)
        reader.join()
    if event is not None:
        return error_from_rpc(event, connection.address, is_encrypted=connection.is_encrypted)
    if not session.is_complete:
        return ServerError("the server ended the stream without a summary", reason="NO_SUMMARY")
    return None


def _next_event(events: "SimpleQueue[_Event]") -> _Event:
    while True:
        # A wait without end may not see Ctrl-C: never on Windows, nor when the signal comes to
        # another thread (gRPC waits in the same way).
        with contextlib.suppress(Empty):
            return events.get(timeout=_SIGNAL_CHECK_S)


def _receive(call: Iterator[IngestResponse], events: "SimpleQueue[_Event]") -> None:
    try:
        for response in call:
            events.put(response)
    except grpc.RpcError as error:
        events.put(error)
    else:
        events.put(None)


def _take_item(session: IngestSession, items: Iterator[Item]) -> None:
    try:
        item = next(items)
    except StopIteration:
        session.end()
    else:
        session.offer(item)


def _read(session: IngestSession, item: Item) -> None:
    try:
        message = _convert_items.item_message(item)
    except InvalidRequestError as error:
        session.reject(item.id, error)
    else:
        session.add(message)
