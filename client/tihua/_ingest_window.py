"""Items that are held until it is known whether they need to be sent; knows no network."""

from collections import deque
from collections.abc import Container

from tihua import _convert
from tihua._types import Item, RgbImage
from tihua.errors import InvalidRequestError

MAX_WINDOW_ITEMS = 256
"""Ids of one question: few round trips, and an answer in milliseconds."""

MAX_WINDOW_BYTES = 4 * 2**20
"""Content of the items that are held; a picture that is given as a path has none yet."""


class Window:
    """A window on the caller's items: some are taken, one question is asked, all are given out."""

    def __init__(self, max_items: int, *, asks: bool) -> None:
        """Begin empty.

        Args:
            max_items: items of one question, 1 or more.
            asks: whether there is a question; else items pass one by one.
        """
        self._max_items = max_items if asks else 1
        self._asks = asks
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._stored: Container[str] | None = None
        self._is_closed = False

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is held."""
        return not self._items

    @property
    def wants_item(self) -> bool:
        """Return whether there is room for another item before this window is given out."""
        return (
            not self._is_closed
            and self._stored is None
            and len(self._items) < self._max_items
            and self._bytes < MAX_WINDOW_BYTES
        )

    def add(self, item: Item) -> None:
        """Hold an item."""
        self._items.append(item)
        self._bytes += _content_bytes(item)
        if not self._asks:
            self._stored = ()

    def close(self) -> None:
        """Take note that no more items come."""
        self._is_closed = True

    def question(self) -> list[str] | None:
        """Return the ids to ask about, None if there is nothing to ask now."""
        if not self._items or self._stored is not None or self.wants_item:
            return None
        ids = [item.id for item in self._items if _is_askable(item)]
        if not ids:
            self._stored = ()
            return None
        return ids

    def answer(self, stored: Container[str]) -> None:
        """Take the ids of those that are stored."""
        self._stored = stored

    def pop(self) -> tuple[Item, bool] | None:
        """Return the next item and whether it is stored already, None if that is not known yet."""
        if not self._items or self._stored is None:
            return None
        item = self._items.popleft()
        is_stored = item.id in self._stored
        if not self._items:
            self._stored = None
            self._bytes = 0
        return item, is_stored


def _content_bytes(item: Item) -> int:
    match item.image:
        case bytes():
            return len(item.image)
        case RgbImage(data):
            return len(data)
        case _:
            return 0


def _is_askable(item: Item) -> bool:
    """Return whether the server can be asked; what is wrong with the id is told when it is sent."""
    try:
        return bool(_convert.checked_text(item.id, "id"))
    except InvalidRequestError:
        return False
