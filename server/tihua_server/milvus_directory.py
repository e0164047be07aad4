"""The directory of an embedded Milvus: room on its disk, and repairs after a crash.

Milvus Lite 3.2 keeps a collection in `collections/<name>`: `schema.json`, logs, and for each of its
data files an index built from it; and all aliases in `aliases.json`. Data files and the list of
them survive a crash at any moment; what is repaired here does not. Call this only while nobody else
writes there.
"""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from tihua_server.milvus_errors import unreadable

MIN_FREE_BYTES = 64 * 2**20
"""Room on the disk without which nothing is written: for what waits in the log, its files and
indexes, so that searching goes on when the disk is as good as full."""


_ALIASES = "aliases.json"
_RENAME = "tihua-rename.json"
"""Of tihua's own: what is being renamed."""

_log = logging.getLogger(__name__)


def free_bytes(directory: Path) -> int:
    """Return the room on the disk of a directory.

    Raises:
        StoreUnavailable: it is not there any more, or can't be read.
    """
    try:
        return shutil.disk_usage(directory).free
    except OSError as error:
        raise unreadable(error.strerror or type(error).__name__) from error


def has_room(directory: Path) -> bool:
    """Return whether there is room for writing; raises as `free_bytes`."""
    return free_bytes(directory) >= MIN_FREE_BYTES


def discard_unfinished(directory: Path) -> None:
    """Remove collections that were being made or dropped: they are not listed, and hold a name."""
    for collection in directory.glob("collections/*"):
        if not (collection / "schema.json").exists():
            shutil.rmtree(collection, ignore_errors=True)


def note_rename(directory: Path, name: str, new_name: str, *, keeps_alias: bool) -> None:
    """Write down what is about to be renamed: the directory comes first, and the aliases last."""
    told = {"name": name, "new_name": new_name, "keeps_alias": keeps_alias}
    (directory / _RENAME).write_text(json.dumps(told))


def forget_rename(directory: Path) -> None:
    """Have nothing to complete: it was renamed, or nothing of it was done."""
    (directory / _RENAME).unlink(missing_ok=True)


def is_moved(directory: Path, name: str, new_name: str) -> bool:
    """Return whether a collection that is being renamed has its new name on the disk."""
    return _is_there(directory, new_name) and not _is_there(directory, name)


def mend_aliases(directory: Path) -> None:
    """Complete a rename that was cut short, and remove aliases of what is not there."""
    before = _read(directory / _ALIASES)
    if before is None:
        _log.error("%s can't be read and is put aside: all aliases are lost", _ALIASES)
        (directory / _ALIASES).replace(directory / f"{_ALIASES}.damaged")
        before = {}
    aliases = _renamed(directory, before)
    for alias, name in list(aliases.items()):
        if not _is_there(directory, name):
            _log.warning("alias %s is removed: its collection %s is not there", alias, name)
            del aliases[alias]
    if aliases != before:
        new = directory / f"{_ALIASES}.tmp"
        new.write_text(json.dumps(aliases))
        new.replace(directory / _ALIASES)
    forget_rename(directory)


def _renamed(directory: Path, aliases: dict[str, Any]) -> dict[str, Any]:
    """Return the aliases as they are after the rename that was begun, if any."""
    # Half a note is none: renaming had not begun.
    rename = _read(directory / _RENAME) or {}
    name, new_name = rename.get("name", ""), rename.get("new_name", "")
    if not rename or not is_moved(directory, name, new_name):
        return dict(aliases)
    renamed = {alias: new_name if to == name else to for alias, to in aliases.items()}
    return renamed | ({name: new_name} if rename["keeps_alias"] else {})


def _is_there(directory: Path, collection: str) -> bool:
    return (directory / "collections" / collection / "schema.json").exists()


def _read(path: Path) -> dict[str, Any] | None:
    """Return what a JSON file says, nothing if there is none, and None if it can't be read."""
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def discard_indexes(directory: Path, collection: str) -> None:
    """Remove the indexes of a collection, of which one can't be read; loading builds them again."""
    for index in directory.glob(f"collections/{collection}/partitions/*/indexes/*.*idx"):
        index.unlink(missing_ok=True)
