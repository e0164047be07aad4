"""The position of an ingest in its caller's items; without I/O.

A bookmark holds the number of items before it and a hash of their ids. With it another process
finds the place again, even if the files have changed since, and notices if the items are different.
"""

import hashlib
import re

from tihua.errors import FailedPreconditionError

_BOOKMARK = re.compile(r"([1-9][0-9]{0,15}):[0-9a-f]{32}")


class Place:
    """Counts the items that were passed, and knows which of them an earlier call handled.

    Attributes:
        position: number of items passed.
    """

    def __init__(self) -> None:
        self.position = 0
        self._hash = hashlib.blake2b(digest_size=16)
        self._safe_position = 0
        self._safe_bookmark = ""

    @property
    def bookmark(self) -> str:
        """Return the bookmark of this place, at most 49 characters."""
        return f"{self.position}:{self._hash.hexdigest()}"

    @property
    def is_safe(self) -> bool:
        """Return whether an earlier call handled the next item."""
        return self.position < self._safe_position

    def resume_at(self, bookmark: str) -> int:
        """Set the place that an earlier call reached; return the number of items before it.

        Items may have been passed already; the hash at the bookmark covers them too.

        Raises:
            FailedPreconditionError: it is not a bookmark of ours, belongs to other items, or lies
                before items that were passed, as it may if the batches differ.
        """
        found = _BOOKMARK.fullmatch(bookmark)
        if found is None:
            raise _no_bookmark()
        self._safe_position = int(found[1])
        self._safe_bookmark = bookmark
        if self.position > self._safe_position:
            raise other_batches()
        self._require_same_items()
        return self._safe_position

    def pass_item(self, item_id: str) -> None:
        """Pass the next item.

        Raises:
            FailedPreconditionError: the items so far are not those of the earlier call.
        """
        encoded = item_id.encode(errors="surrogatepass")
        self._hash.update(len(encoded).to_bytes(8))
        self._hash.update(encoded)
        self.position += 1
        self._require_same_items()

    def end(self) -> None:
        """Check that the items don't end before the place that an earlier call reached.

        Raises:
            FailedPreconditionError: the earlier call had more.
        """
        if self.is_safe:
            raise _other_items()

    def _require_same_items(self) -> None:
        if self.position == self._safe_position and self.bookmark != self._safe_bookmark:
            raise _other_items()


def other_batches() -> FailedPreconditionError:
    """Return the error for a session whose batches end at other places than here.

    The items may be the same: batches end elsewhere with another batch_size, or if an item could be
    read in only one of the calls.
    """
    return FailedPreconditionError(
        "the session belongs to other items than these, or had them in other batches, because of "
        "another batch_size or files that only one call could read; give the items of the earlier "
        "call in the same order with its batch_size, or use a new session id",
        reason="SESSION_DIFFERS",
        field="session_id",
    )


def _other_items() -> FailedPreconditionError:
    """Return the error for a session that is resumed with other items."""
    return FailedPreconditionError(
        "the session belongs to other items than these; give those of the earlier call in the same "
        "order, or use a new session id",
        reason="SESSION_DIFFERS",
        field="session_id",
    )


def _no_bookmark() -> FailedPreconditionError:
    return FailedPreconditionError(
        "an earlier call began the session, and no bookmark says which items are safe: that client "
        "or this server is older than bookmarks; give all items again with a new session id",
        reason="NO_BOOKMARK",
        field="session_id",
    )
