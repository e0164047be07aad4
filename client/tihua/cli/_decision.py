"""Decides what to do with a file, by the server's limits and the collection's items."""

import os
import stat
from pathlib import Path
from typing import TypeAlias

import tihua
from tihua._convert_metadata import metadata_struct
from tihua._folder import Found, PictureFile, Unusable

Decision: TypeAlias = PictureFile | Unusable | None
"""A file to send, one that can't be sent, or None for one that the collection has unchanged."""


def checked(
    file: Found, limits: tihua.Limits, *, is_preprocessed: bool, is_on_server: bool = False
) -> Found:
    """Return a file, or an `Unusable` if the server would refuse it regardless of its content.

    Args:
        file: the file that was found.
        limits: the server's limits.
        is_preprocessed: whether only a few pixels of it are sent, however large it is.
        is_on_server: whether the server reads it, and nothing of it is sent.
    """
    if isinstance(file, Unusable):
        return file
    names = (
        ("ID_TOO_LONG", "id", len(file.id.encode()), limits.max_id_bytes),
        ("URI_TOO_LONG", "path", len(file.uri.encode()), limits.max_uri_bytes),
    )
    for reason, what, size, bound in names:
        if size > bound:
            return Unusable(
                file.id, reason, f"{what} is {size} bytes; the server's limit is {bound}"
            )
    if not is_preprocessed and file.size_bytes > limits.max_image_bytes:
        instead = " in place of --server-folder" if is_on_server else ""
        message = (
            f"file is {file.size_bytes} bytes; the server's limit is"
            f" {limits.max_image_bytes}: --preprocess client{instead} sends a few pixels of it"
        )
        return Unusable(file.id, "IMAGE_TOO_LARGE", message)
    return file


def compared(file: PictureFile, item: tihua.Item | None) -> Decision:
    """Return what to do with a file, by the collection's item with its id."""
    if item is None:
        return file
    is_same_file = item.uri == file.uri or _is_same_file(Path(item.uri), file.path)
    if is_same_file and _has_metadata(item, file):
        return None
    if not is_same_file and _may_be_there(item.uri):  # so it is not a file that was moved
        message = (
            f"the collection has this id for {item.uri}; give this folder an "
            "--id-prefix, or replace what is there with --force"
        )
        return Unusable(file.id, "ID_TAKEN", message)
    return file


def _has_metadata(item: tihua.Item, file: PictureFile) -> bool:
    """Return whether an item has all the metadata of a file, compared as messages.

    In Python True equals 1, in JSON it does not; and a key may exist with the value None.
    """
    wanted = file.metadata
    there = {key: value for key, value in item.metadata.items() if key in wanted}
    return metadata_struct(there, "metadata") == metadata_struct(wanted, "metadata")


def _may_be_there(path: str) -> bool:
    """Return whether there is a file, or access is refused, as in another user's home."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - a uri, perhaps not a path
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True


def _is_same_file(one: Path, other: Path) -> bool:
    """Return whether two paths lead to the same file, for example through a link to its folder."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False
