"""Finds the content that an item of the old collection was made of."""

import os
from pathlib import Path

from tihua import _convert
from tihua._reindex.types import Content
from tihua._types import UNKNOWN_TIME, Item, ItemError
from tihua.errors import InvalidRequestError

_GUESSED_BYTES = 2**20
"""Estimated size of a content whose size is not recorded."""


def with_content(item: Item, content: Content, *, max_image_bytes: int) -> Item | ItemError:
    """Return an item with its content, to be embedded again, or why the content can't be found.

    Args:
        item: the item in the old collection.
        content: returns what it was made of; a path is read.
        max_image_bytes: a larger picture file is not read.
    """
    try:
        made_of = content(item)
        if isinstance(made_of, os.PathLike):
            path = Path(made_of)
            _convert.check_image_bytes(path.stat().st_size, max_image_bytes, "content")
            made_of = path.read_bytes()
    except InvalidRequestError as error:
        return ItemError(0, item.id, error.code, error.reason, error.message)
    except OSError as error:
        return _missing(item, error.strerror or str(error))
    except LookupError as error:
        return _missing(item, str(error.args[0]) if error.args else "none")
    return Item(
        item.id,
        text=made_of if isinstance(made_of, str) else None,
        image=None if isinstance(made_of, str) else made_of,
        uri=item.uri,
        metadata=item.metadata,
        update_time=item.update_time or UNKNOWN_TIME,
    )


def held_bytes(item: Item) -> int:
    """Return the size of an item's content, in bytes, as recorded in its metadata, or a guess."""
    recorded = item.metadata.get("file_bytes")
    return recorded if isinstance(recorded, int) and recorded > 0 else _GUESSED_BYTES


def _missing(item: Item, message: str) -> ItemError:
    return ItemError(0, item.id, "NOT_FOUND", "CONTENT_MISSING", message)
