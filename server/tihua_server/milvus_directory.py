"""The directory of an embedded Milvus: room on its disk, and what a death leaves half-done in it.

Milvus Lite 3.2 keeps a collection in `collections/<name>`: `schema.json`, logs, and for each of its
data files an index that is made of it. Data files and the list of them survive a death at any
moment by themselves; what is here does not. To be called while nobody else writes there.
"""

import shutil
from pathlib import Path

MIN_FREE_BYTES = 64 * 2**20
"""Room on the disk without which nothing is written: for what waits in the log, its files and
indexes, so that searching goes on when the disk is as good as full."""


def free_bytes(directory: Path) -> int:
    """Return the room on the disk of a directory."""
    return shutil.disk_usage(directory).free


def has_room(directory: Path) -> bool:
    """Return whether there is room for writing."""
    return free_bytes(directory) >= MIN_FREE_BYTES


def discard_unfinished(directory: Path) -> None:
    """Remove collections that were being made or dropped: they are not listed, and hold a name."""
    for collection in directory.glob("collections/*"):
        if not (collection / "schema.json").exists():
            shutil.rmtree(collection, ignore_errors=True)


def discard_indexes(directory: Path, collection: str) -> None:
    """Remove the indexes of a collection, of which one can't be read; loading builds them again."""
    for index in directory.glob(f"collections/{collection}/partitions/*/indexes/*.*idx"):
        index.unlink(missing_ok=True)
