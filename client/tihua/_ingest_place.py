"""Where an ingest stands in its caller's items; knows no network.

A bookmark says how many of them lie before it, and hashes their ids. So another process finds the
place again, whatever has become of the files meanwhile, and notices when the items are others.
"""

import hashlib
import re

from tihua.errors import FailedPreconditionError

_BOOKMARK = re.compile(r"([1-9][0-9]{0,15}):[0-9a-f]{32}")


class Place:
    """Counts the items that were passed, and knows which of them an earlier call dealt with.

    Attributes:
        position: how many items were passed.
    """

    def __init__(self) -> None:
        self.position = 0
        self._hash = hashlib.blake2b(digest_size=16)
        self._safe_position = 0
        self._safe_bookmark = ""

    @property
    def bookmark(self) -> str:
        """Return this place, in at most 49 characters."""
        return f"{self.position}:{self._hash.hexdigest()}"

    @property
    def is_safe(self) -> bool:
        """Return whether an earlier call dealt with the next item."""
        return self.position < self._safe_position

    def resume_at(self, bookmark: str) -> int:
        """Take the place of an earlier call; return how many items lie before it.

        Items may have been passed already, which the hash of the others proves along with them.

        Raises:
            FailedPreconditionError: it is no bookmark of ours, not of these items, or lies before
                items that were passed, as it may if the batches are others.
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
            FailedPreconditionError: the items up to here are not those of the earlier call.
        """
        encoded = item_id.encode(errors="surrogatepass")
        self._hash.update(len(encoded).to_bytes(8))
        self._hash.update(encoded)
        self.position += 1
        self._require_same_items()

    def end(self) -> None:
        """Take note that there are no more items.

        Raises:
            FailedPreconditionError: the earlier call had more.
        """
        if self.is_safe:
            raise _other_items()

    def _require_same_items(self) -> None:
        if self.position == self._safe_position and self.bookmark != self._safe_bookmark:
            raise _other_items()


def other_batches() -> FailedPreconditionError:
    """Return what to tell a caller if a batch of the session ends elsewhere than here.

    The items may be the same: their batches end elsewhere with another batch_size, and if an item
    could be read in one call and not in the other.
    """
    return FailedPreconditionError(
        "the session belongs to other items than these, or had them in other batches, because of "
        "another batch_size or files that only one call could read; give the items of the earlier "
        "call in the same order with its batch_size, or use a new session id",
        reason="SESSION_DIFFERS",
        field="session_id",
    )


def _other_items() -> FailedPreconditionError:
    """Return what to tell a caller who resumes a session with items that it is not of."""
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
