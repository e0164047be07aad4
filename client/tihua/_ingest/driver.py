"""The blocking driver of an ingest: moves messages between an `IngestSession` and a stream.

Only the calling thread uses the session and the caller's iterable and callback. It blocks in one
place, for the server's next message. Two more threads only move messages: gRPC's takes requests out
of one queue, ours puts responses into another. The server's credit bounds the length of both.
"""

import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import TypeAlias

import grpc

from tihua import _convert_items
from tihua._connection import Connection
from tihua._ingest.session import IngestSession
from tihua._ingest.steps import Ask, HalfClose, Read, Send, Take, Wait
from tihua._ingest.types import IngestProgress
from tihua._reconnect import Reconnect
from tihua._status import error_from_rpc
from tihua._types import Item
from tihua._waiting import waited
from tihua.errors import InvalidRequestError, ServerError, TihuaError
from tihua.v1.ingest_service_pb2 import IngestRequest, IngestResponse

_Event: TypeAlias = IngestResponse | grpc.RpcError | None
"""A message of the server, or the end of the stream: None for OK."""


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
        RuntimeError: the client is closed.
    """
    while True:
        connection.check_open()
        error = _run_stream(connection, session, items, on_progress)
        if error is None:
            return
        connection.check_open()  # or it would be reported as a break that is retried
        time.sleep(reconnect.delay_after(error, session.progress))


def _run_stream(
    connection: Connection,
    session: IngestSession,
    items: Iterator[Item],
    on_progress: Callable[[IngestProgress], None],
) -> TihuaError | None:
    """Run one stream to its end; return the error that it broke with, or None if all is done."""
    requests: SimpleQueue[IngestRequest | None] = SimpleQueue()
    events: SimpleQueue[_Event] = SimpleQueue()
    requests.put(session.open())
    call = connection.ingest.Ingest(iter(requests.get, None), metadata=connection.metadata())
    reader = threading.Thread(
        target=_receive, args=(call, events), name="tihua-ingest", daemon=True
    )
    try:
        reader.start()
        while True:
            match session.next_step(is_quiet=events.empty()):
                case Send(request):
                    requests.put(request)
                case Ask(ids):
                    try:
                        session.answer(connection.stored_ids(ids, session.collection))
                    except TihuaError as error:
                        return error
                case Read(item):
                    _read(session, item)
                case Take():
                    _take_item(session, items)
                case HalfClose():
                    requests.put(None)
                case Wait():
                    event = waited(lambda limit_s: events.get(timeout=limit_s), Empty)
                    if not isinstance(event, IngestResponse):
                        break
                    session.receive(event)
            if (progress := session.take_progress()) is not None:
                on_progress(progress)
    finally:
        # However the loop ended, even with KeyboardInterrupt or an error of the caller's: tell the
        # server at once, and leave neither thread waiting.
        call.cancel()
        requests.put(None)
        reader.join()
    if event is not None:
        return error_from_rpc(event, connection.address, is_encrypted=connection.is_encrypted)
    if not session.is_complete:
        return ServerError("the server ended the stream without a summary", reason="NO_SUMMARY")
    return None


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
        message = _convert_items.item_message(item, max_image_bytes=session.max_image_bytes)
    except InvalidRequestError as error:
        session.reject(item.id, error)
    else:
        session.add(message)
