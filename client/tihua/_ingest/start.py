"""The first message of each stream: the session's purpose, and which acknowledgements were read."""

import uuid

from tihua import _convert
from tihua._ingest.report import Counts
from tihua._ingest.types import WriteMode
from tihua.v1 import ingest_service_pb2
from tihua.v1.ingest_service_pb2 import IngestRequest, IngestStart

_WRITE_MODES = {
    "upsert": ingest_service_pb2.WRITE_MODE_UPSERT,
    "insert-only": ingest_service_pb2.WRITE_MODE_INSERT_ONLY,
    "skip-existing": ingest_service_pb2.WRITE_MODE_SKIP_EXISTING,
}


class SessionStart:
    """Makes the first message of every stream of one session."""

    def __init__(
        self, *, collection: str, mode: WriteMode, session_id: str | None, model: str
    ) -> None:
        """Build the part of the message that is the same for all streams.

        Args:
            collection: where to write.
            mode: what to do with an id that is already stored.
            session_id: 1 to 64 bytes; None makes a new one.
            model: the id of the model that the collection must have; empty means any.

        Raises:
            InvalidRequestError: there is no such mode, or an id can't be encoded as UTF-8.
        """
        session_id = str(uuid.uuid4()) if session_id is None else session_id
        self._message = IngestStart(
            collection=collection,
            session_id=_convert.checked_text(session_id, "session_id"),
            mode=_convert.choice(mode, "mode", _WRITE_MODES),
            model=_convert.checked_text(model, "model"),
        )

    @property
    def collection(self) -> str:
        """Return the collection that the session writes to."""
        return self._message.collection

    def request(self, read_seq: int, read_bookmark: str, read: Counts) -> IngestRequest:
        """Return the message.

        Args:
            read_seq: number of the last batch whose acknowledgement was read; 0 before any.
            read_bookmark: the bookmark of that batch; empty before any.
            read: the counts of that acknowledgement.
        """
        self._message.read_seq = read_seq
        self._message.read_bookmark = read_bookmark
        self._message.items_written = read.written
        self._message.items_failed = read.failed
        self._message.items_skipped = read.skipped
        return IngestRequest(start=self._message)
