"""The asyncio driver of an ingest: moves messages between an `IngestSession` and a stream.

Only the caller's task uses the session. It waits in one place, for the server's next message; a
second task only reads these messages into a queue.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import grpc
from grpc import aio

from tihua import _convert_items
from tihua._async_connection import AsyncConnection
from tihua._ingest.session import IngestSession
from tihua._ingest.steps import Ask, HalfClose, Read, Send, Take, Wait
from tihua._ingest.types import IngestProgress
from tihua._reconnect import Reconnect
from tihua._status import error_from_rpc
from tihua._types import Item
from tihua.errors import InvalidRequestError, ServerError, TihuaError, UnavailableError
from tihua.v1.ingest_service_pb2 import IngestRequest, IngestResponse

_Call: TypeAlias = "aio.StreamStreamCall[IngestRequest, IngestResponse]"
_Event: TypeAlias = IngestResponse | TihuaError | None
"""A message of the server, or the end of the stream: None for OK."""

_LOST_STATUS = "Internal error from Core"
"""grpc.aio's message when a write fails because the server ended the stream (grpc/grpc#36066).

It replaces the server's status. It is treated as a break: the next stream gets the status again.
"""


async def run_async_ingest(
    connection: AsyncConnection,
    session: IngestSession,
    items: AsyncIterator[Item],
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
        error = await _run_stream(connection, session, items, on_progress)
        if error is None:
            return
        connection.check_open()  # or it would be reported as a break that is retried
        await asyncio.sleep(reconnect.delay_after(error, session.progress))


async def _run_stream(
    connection: AsyncConnection,
    session: IngestSession,
    items: AsyncIterator[Item],
    on_progress: Callable[[IngestProgress], None],
) -> TihuaError | None:
    """Run one stream to its end; return the error that it broke with, or None if all is done."""
    call = connection.ingest.Ingest(metadata=connection.metadata())
    events: asyncio.Queue[_Event] = asyncio.Queue()
    reader = asyncio.create_task(_receive(call, events, connection))
    try:
        await _send(connection, call, session.open())
        while True:
            match session.next_step(is_quiet=events.empty()):
                case Send(request):
                    await _send(connection, call, request)
                case Ask(ids):
                    try:
                        session.answer(await connection.stored_ids(ids, session.collection))
                    except TihuaError as error:
                        return error
                case Read(item):
                    await _read(session, item)
                case Take():
                    await _take_item(session, items)
                case HalfClose():
                    await _send(connection, call, None)
                case Wait():
                    event = await events.get()
                    if not isinstance(event, IngestResponse):
                        break
                    session.receive(event)
            if (progress := session.take_progress()) is not None:
                on_progress(progress)
    finally:
        # However the loop ended, even with the task's cancellation: tell the server at once.
        call.cancel()
        await asyncio.gather(reader, return_exceptions=True)
    if event is not None:
        return event
    if not session.is_complete:
        return ServerError("the server ended the stream without a summary", reason="NO_SUMMARY")
    return None


async def _send(connection: AsyncConnection, call: _Call, request: IngestRequest | None) -> None:
    """Send a request, or half-close if it is None; `_receive` reports how a broken stream ended."""
    try:
        if request is None:
            await call.done_writing()
        else:
            await call.write(request)
    except (grpc.RpcError, asyncio.InvalidStateError):
        pass
    except asyncio.CancelledError:
        if not connection.has_cancelled_its_calls():
            raise


async def _receive(
    call: _Call, events: "asyncio.Queue[_Event]", connection: AsyncConnection
) -> None:
    address = connection.address
    try:
        async for response in call:
            events.put_nowait(response)
    except aio.AioRpcError as error:
        if error.details() == _LOST_STATUS:
            events.put_nowait(UnavailableError(f"the stream to {address} broke"))
        else:
            events.put_nowait(error_from_rpc(error, address, is_encrypted=connection.is_encrypted))
    except asyncio.CancelledError:  # the channel was closed, or `_run_stream` cancelled the call
        events.put_nowait(UnavailableError("the client was closed", code="CANCELLED"))
        raise
    else:
        events.put_nowait(None)


async def _take_item(session: IngestSession, items: AsyncIterator[Item]) -> None:
    try:
        item = await anext(items)
    except StopAsyncIteration:
        session.end()
    else:
        session.offer(item)


async def _read(session: IngestSession, item: Item) -> None:
    try:
        message = await asyncio.to_thread(  # it may read a file
            _convert_items.item_message, item, max_image_bytes=session.max_image_bytes
        )
    except InvalidRequestError as error:
        session.reject(item.id, error)
    else:
        session.add(message)
