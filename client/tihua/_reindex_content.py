"""An item of the old collection with the content that it was made of, or why that can't be had."""

import os
from pathlib import Path

from tihua._reindex_types import Content
from tihua._types import UNKNOWN_TIME, Item, ItemError
from tihua.errors import InvalidRequestError

_GUESSED_BYTES = 2**20
"""How large a content is thought to be that does not say so."""


def with_content(item: Item, content: Content) -> Item | ItemError:
    """Return an item to be embedded again: its content is read, from a file where a path is given.

    Args:
        item: as the old collection has it.
        content: tells what it was made of.
    """
    try:
        made_of = content(item)
        if isinstance(made_of, os.PathLike):
            made_of = Path(made_of).read_bytes()
    except InvalidRequestError as error:
        return _failure(item, error.reason, error.message)
    except OSError as error:
        return _failure(item, "CONTENT_MISSING", error.strerror or str(error))
    except LookupError as error:
        return _failure(item, "CONTENT_MISSING", str(error.args[0]) if error.args else "none")
    return Item(
        item.id,
        text=made_of if isinstance(made_of, str) else None,
        image=None if isinstance(made_of, str) else made_of,
        uri=item.uri,
        metadata=item.metadata,
        update_time=item.update_time or UNKNOWN_TIME,
    )


def held_bytes(item: Item) -> int:
    """Return how many bytes the content of an item may be, as its metadata tells, or a guess."""
    told = item.metadata.get("file_bytes")
    return told if isinstance(told, int) and told > 0 else _GUESSED_BYTES


def _failure(item: Item, reason: str, message: str) -> ItemError:
    return ItemError(index=0, id=item.id, code="NOT_FOUND", reason=reason, message=message)
