"""Ingest sessions: which stream writes for which, and what is remembered between streams."""

import contextlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator

from tihua_server.errors import Draining, SessionConflict
from tihua_server.ingest_stream import Batch, Credit, Event, IngestStream, Session
from tihua_server.observer import Observer
from tihua_server.writer import WriteMode, Writer

MAX_SESSIONS = 10_000
"""Sessions remembered. To forget one is harmless with upsert: the client sends all of it again."""


class Ingester:
    """Runs ingest streams and remembers their sessions, the least recently used forgotten first."""

    def __init__(
        self,
        writer: Writer,
        *,
        grant: Credit,
        max_sessions: int = MAX_SESSIONS,
        observer: Observer | None = None,
    ) -> None:
        """Take the writer of items, what each stream may have in flight, and who hears of it."""
        self._writer = writer
        self._observer = observer or Observer()
        self._grant = grant
        self._max_sessions = max_sessions
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._streams: set[IngestStream] = set()
        self._is_draining = False

    @property
    def stream_count(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def drain(self) -> None:
        """Take nothing more; the streams finish what they have and end with `Draining`."""
        self._is_draining = True
        for stream in self._streams:
            stream.drain()

    async def ingest(
        self,
        session_id: str,
        collection: str,
        mode: WriteMode,
        batches: AsyncIterator[Batch],
        *,
        read_seq: int = 0,
    ) -> AsyncGenerator[Event, None]:
        """Write the batches of a stream; yield what the client must know.

        Args:
            session_id: chosen by the client; the same again resumes.
            collection: where the items go.
            mode: what to do with an id that is already there.
            batches: what the client sends after its start, in order.
            read_seq: the last acknowledgement that the client has read; the failures of later
                batches are told again.

        Raises:
            SessionConflict: the session was opened for another collection or mode.
            SessionTaken: the client opened another stream for the session.
            OutOfOrder: a gap in the numbers of the batches.
            Overloaded: more in flight than was granted.
            Draining: the server shuts down; everything that was taken is acknowledged.
            StoreUnavailable: the store does not answer.
        """
        if self._is_draining:
            raise Draining("the server is shutting down; open the session on another one")
        session = self._open(session_id, collection, mode)
        if session.stream is not None:
            await session.stream.yield_to_successor()
        stream = IngestStream(session, self._writer, self._grant, self._observer)
        session.stream = stream
        self._streams.add(stream)
        try:
            async with contextlib.aclosing(stream.run(batches, read_seq)) as events:
                async for event in events:
                    yield event
        finally:
            self._streams.discard(stream)
            if session.stream is stream:
                session.stream = None
            await stream.close()

    def _open(self, session_id: str, collection: str, mode: WriteMode) -> Session:
        session = self._sessions.setdefault(session_id, Session(collection, mode))
        self._sessions.move_to_end(session_id)
        if (session.collection, session.mode) != (collection, mode):
            raise SessionConflict(
                f"session {session_id!r} writes to {session.collection} in mode "
                f"{session.mode.value}; use a new session id"
            )
        while len(self._sessions) > self._max_sessions:
            self._sessions.popitem(last=False)
        return session
