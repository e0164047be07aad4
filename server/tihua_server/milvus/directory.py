"""The directory of an embedded Milvus: room on its disk, and repairs after a crash.

Milvus Lite 3.2 keeps a collection in `collections/<name>`: `schema.json`, logs, and for each of its
data files an index built from it; and all aliases in `aliases.json`. Data files and the list of
them survive a crash at any moment; the rest is repaired here. Call this only while nothing else
writes there.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import structlog

from tihua_server.milvus.errors import unreadable

MIN_FREE_BYTES = 64 * 2**20
"""Free space below which nothing is written: rows in the log still need room for data files and
indexes, so that searching works while the disk is as good as full."""

_ALIASES = "aliases.json"
_RENAME = "tihua-rename.json"
"""tihua's own note of a rename in progress."""

_log = structlog.get_logger("tihua")


def free_bytes(directory: Path) -> int:
    """Return the free space on the disk of a directory.

    Raises:
        StoreUnavailable: the directory is gone, or can't be read.
    """
    try:
        return shutil.disk_usage(directory).free
    except OSError as error:
        raise unreadable(error.strerror or type(error).__name__) from error


def has_room(directory: Path) -> bool:
    """Return whether there is room for writing; raises as `free_bytes`."""
    return free_bytes(directory) >= MIN_FREE_BYTES


def discard_unfinished(directory: Path) -> None:
    """Remove half-created and half-dropped collections: they are not listed, but occupy a name."""
    for collection in directory.glob("collections/*"):
        if not (collection / "schema.json").exists():
            shutil.rmtree(collection, ignore_errors=True)


def note_rename(directory: Path, name: str, new_name: str, *, keeps_alias: bool) -> None:
    """Note a rename before it begins; Milvus Lite moves the directory first, the aliases last."""
    note = {"name": name, "new_name": new_name, "keeps_alias": keeps_alias}
    (directory / _RENAME).write_text(json.dumps(note))


def forget_rename(directory: Path) -> None:
    """Remove the note of a rename that is complete, or has not begun."""
    (directory / _RENAME).unlink(missing_ok=True)


def is_moved(directory: Path, name: str, new_name: str) -> bool:
    """Return whether a collection that is being renamed has its new name on the disk."""
    return _is_there(directory, new_name) and not _is_there(directory, name)


def mend_aliases(directory: Path) -> None:
    """Complete an interrupted rename, and remove aliases of collections that are not there."""
    before = _read(directory / _ALIASES)
    if before is None:
        damaged = directory / f"{_ALIASES}.damaged"
        _log.error("all aliases are lost: their file can't be read", kept_as=str(damaged))
        (directory / _ALIASES).replace(damaged)
        before = {}
    aliases = _renamed(directory, before)
    for alias, name in list(aliases.items()):
        if not _is_there(directory, name):
            _log.warning("alias removed: its collection is not there", alias=alias, collection=name)
            del aliases[alias]
    if aliases != before:
        new = directory / f"{_ALIASES}.tmp"
        new.write_text(json.dumps(aliases))
        new.replace(directory / _ALIASES)
    forget_rename(directory)


def _renamed(directory: Path, aliases: dict[str, Any]) -> dict[str, Any]:
    """Return the aliases after the interrupted rename, if there was one."""
    # Half a note counts as none: renaming had not begun.
    rename = _read(directory / _RENAME) or {}
    name, new_name = rename.get("name", ""), rename.get("new_name", "")
    if not rename or not is_moved(directory, name, new_name):
        return dict(aliases)
    renamed = {alias: new_name if to == name else to for alias, to in aliases.items()}
    return renamed | ({name: new_name} if rename["keeps_alias"] else {})


def _is_there(directory: Path, collection: str) -> bool:
    return (directory / "collections" / collection / "schema.json").exists()


def _read(path: Path) -> dict[str, Any] | None:
    """Return the object in a JSON file, empty if there is no file, None if it can't be parsed."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def discard_indexes(directory: Path, collection: str) -> None:
    """Remove all indexes of a collection, because one can't be read; loading rebuilds them."""
    for index in directory.glob(f"collections/{collection}/partitions/*/indexes/*.*idx"):
        index.unlink(missing_ok=True)
