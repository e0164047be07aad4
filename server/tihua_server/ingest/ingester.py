"""Ingest sessions: which stream writes for which session, and which sessions are remembered."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Container
from typing import TypeVar

from tihua_server.batching.admission import Budget
from tihua_server.errors import Draining, SessionConflict, StreamIdle
from tihua_server.ingest.draft import WriteMode
from tihua_server.ingest.events import Credit, DraftBatch, Event
from tihua_server.ingest.session import NOTHING_READ, Progress, Session
from tihua_server.ingest.stream import IngestStream
from tihua_server.ingest.writer import Writer
from tihua_server.observer import NOBODY, Observer

MAX_SESSIONS = 10_000
"""Sessions remembered. Forgetting one is harmless: its client says where it was."""

MAX_FAILURES_OF_ALL_SESSIONS = 50_000
"""Failures remembered of all sessions together, some 2 kB each; beyond it the least recently used
sessions are forgotten."""

_Start = TypeVar("_Start")


class Ingester:
    """Runs ingest streams and remembers their sessions, the least recently used forgotten first."""

    def __init__(
        self,
        writer: Writer,
        *,
        grant: Credit,
        room_bytes: int,
        idle_timeout_s: float,
        max_sessions: int = MAX_SESSIONS,
        max_kept_failures: int = MAX_FAILURES_OF_ALL_SESSIONS,
        observer: Observer = NOBODY,
    ) -> None:
        """Begin with no sessions.

        Args:
            writer: prepares and writes items.
            grant: what each stream may have in flight.
            room_bytes: bytes of batches being embedded, for all streams together; beyond it one
                batch of each stream waits.
            idle_timeout_s: idle timeout of a stream, in seconds.
            max_sessions: sessions remembered.
            max_kept_failures: failures remembered of all of them.
            observer: notified of the outcome of items.
        """
        self._writer = writer
        self._observer = observer
        self._grant = grant
        self._room = Budget(room_bytes)
        self._idle_timeout_s = idle_timeout_s
        self._max_sessions = max_sessions
        self._max_kept_failures = max_kept_failures
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._streams: dict[str, IngestStream] = {}
        self._unopened: set[asyncio.Timeout] = set()
        self._is_draining = False

    @property
    def stream_count(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def drain(self) -> None:
        """Accept nothing more; the streams finish what they have and end with `Draining`."""
        self._is_draining = True
        for waiting in self._unopened:
            if not waiting.expired():
                waiting.reschedule(asyncio.get_running_loop().time())
        for stream in self._streams.values():
            stream.drain()

    async def opened(self, start: Awaitable[_Start]) -> _Start:
        """Await the first message of a stream, within the idle timeout.

        Raises:
            StreamIdle: it did not arrive in time.
            Draining: the server is shutting down.
        """
        waiting = asyncio.timeout(0 if self._is_draining else self._idle_timeout_s)
        self._unopened.add(waiting)
        try:
            async with waiting:
                return await start
        except TimeoutError as error:
            self._raise_if_draining()
            raise StreamIdle(
                f"no start came for {self._idle_timeout_s:g} s; open the stream when there is "
                "something to send"
            ) from error
        finally:
            self._unopened.remove(waiting)

    async def ingest(
        self,
        session_id: str,
        collection: str,
        mode: WriteMode,
        batches: AsyncIterator[DraftBatch],
        *,
        model: str = "",
        read: Progress = NOTHING_READ,
    ) -> AsyncGenerator[Event, None]:
        """Write the batches of a stream; yield the events to send to its client.

        Args:
            session_id: chosen by the client; using it again resumes the session, unless that is
                over and the client has read nothing of it.
            collection: where the items go; if it is an alias, wherever it leads at the time.
            mode: what to do with an id that is already there.
            batches: what the client sends after its start, in order.
            model: the model that the client names; empty means the collection's.
            read: the last acknowledgement that the client has read: the failures of later batches
                are reported again, and a session that is unknown here continues from it.

        Raises:
            SessionConflict: the session was opened for another collection or mode.
            SessionTaken: the client opened another stream for the session.
            OutOfOrder: a gap in the numbers of the batches.
            Overloaded: more in flight than was granted.
            CollectionMoved: the alias was moved while a batch was being embedded.
            Draining: the server is shutting down; everything accepted is acknowledged.
            StreamIdle: no batch arrived within the idle timeout.
            StoreUnavailable: the store does not answer.
        """
        self._raise_if_draining()
        session = self._open(session_id, collection, mode, read)
        stream = IngestStream(
            session,
            self._writer,
            model=model,
            grant=self._grant,
            room=self._room,
            idle_timeout_s=self._idle_timeout_s,
            observer=self._observer,
        )
        predecessor = self._streams.get(session_id)
        self._streams[session_id] = stream
        try:
            if predecessor is not None:
                predecessor.yield_to_successor()
            # Whichever stream began the write: the predecessor may not have written anything.
            await session.settled()
            session.adopt(read)
            async with contextlib.aclosing(stream.run(batches, read.committed_seq)) as events:
                async for event in events:
                    yield event
        finally:
            await stream.close()
            if self._streams.get(session_id) is stream:
                del self._streams[session_id]

    def _raise_if_draining(self) -> None:
        if self._is_draining:
            raise Draining("the server is shutting down; open the session on another one")

    def _open(self, session_id: str, collection: str, mode: WriteMode, read: Progress) -> Session:
        session = self._sessions.get(session_id)
        # A client that resumes has read something, or loses nothing by sending everything again.
        if session is None or (session.is_over and read.committed_seq == 0):
            session = self._sessions[session_id] = Session(session_id, collection, mode)
        self._sessions.move_to_end(session_id)
        if (session.collection, session.mode) != (collection, mode):
            raise SessionConflict(
                f"session {session_id!r} writes to {session.collection} in mode "
                f"{session.mode.value}; use a new session id"
            )
        self._forget(self._streams.keys() | {session_id})
        return session

    def _forget(self, in_use: Container[str]) -> None:
        """Forget the least recently used sessions until the bounds hold."""
        kept = sum(each.failure_count for each in self._sessions.values())
        for session_id in list(self._sessions):
            if len(self._sessions) <= self._max_sessions and kept <= self._max_kept_failures:
                return
            if session_id not in in_use:
                kept -= self._sessions.pop(session_id).failure_count
