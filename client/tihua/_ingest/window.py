"""Items that are held until it is known whether they must be sent; without I/O."""

from collections import deque
from collections.abc import Container

from tihua import _convert
from tihua._types import Item, RgbImage
from tihua.errors import InvalidRequestError

MAX_WINDOW_ITEMS = 256
"""Ids per question: few round trips, and an answer in milliseconds."""

MAX_WINDOW_BYTES = 4 * 2**20
"""Content of the items that are held; a picture that is given as a path has none yet."""


class Window:
    """Buffers items, asks the server once which of them exist, then releases them all."""

    def __init__(self, max_items: int, *, asks: bool) -> None:
        """Start empty.

        Args:
            max_items: maximum items per question, 1 or more.
            asks: whether to ask at all; if not, items pass through one by one.
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
        """Return whether there is room for another item before this window is released."""
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
        self._release_unasked()

    def close(self) -> None:
        """Record that there are no more items."""
        self._is_closed = True
        self._release_unasked()

    def question(self) -> list[str] | None:
        """Return the ids to ask about, None if there is nothing to ask now."""
        if not self._items or self._stored is not None or self.wants_item:
            return None
        return [item.id for item in self._items if _is_askable(item)]

    def answer(self, stored: Container[str]) -> None:
        """Pass the ids that are stored."""
        self._stored = stored

    def pop(self) -> tuple[Item, bool] | None:
        """Return the next item and whether it is already stored; None if that is not known yet."""
        if not self._items or self._stored is None:
            return None
        item = self._items.popleft()
        is_stored = item.id in self._stored
        if not self._items:
            self._stored = None
            self._bytes = 0
        return item, is_stored

    def _release_unasked(self) -> None:
        """Release the items without a question if there is nothing to ask about them."""
        is_complete = self._stored is None and not self.wants_item
        if not self._asks or (is_complete and not any(map(_is_askable, self._items))):
            self._stored = ()


def _content_bytes(item: Item) -> int:
    match item.image:
        case bytes():
            return len(item.image)
        case RgbImage(data):
            return len(data)
        case _:
            return 0


def _is_askable(item: Item) -> bool:
    """Return whether the server can be asked about the id; a bad id is reported when it is sent."""
    try:
        return bool(_convert.checked_text(item.id, "id"))
    except InvalidRequestError:
        return False
