"""A collection as `tihua collections` and `tihua status` print it."""

import tihua
from tihua.cli._printer import Column, Record


def _joined(names: object) -> str:
    return ", ".join(names) if isinstance(names, list) else ""


COLLECTION_COLUMNS = (
    Column("name"),
    Column("aliases", style="cyan", show=_joined),
    Column("items", justify="right"),
    Column("model"),
    Column("dim", justify="right"),
    Column("index"),
    Column("state"),
    Column("description", style="dim"),
)
"""The columns of a table of collections."""


def collection_record(collection: tihua.Collection) -> Record:
    """Return a collection for printing."""
    created = collection.create_time
    return {
        "name": collection.name,
        "aliases": list(collection.aliases),
        "description": collection.description,
        "items": collection.item_count,
        "model": collection.model.id,
        "fingerprint": collection.model.fingerprint,
        "dim": collection.dim,
        "index": collection.index,
        "index_params": dict(collection.index_params),
        "shards": collection.shards,
        "state": collection.load_state,
        "created": created.isoformat() if created is not None else None,
    }
