"""The keys that an item's metadata can't have; the server has them from here."""

RESERVED_KEYS = frozenset(
    {"id", "embedding", "uri", "_origin", "_update_time", "_seq", "_partition"}
)
"""Columns of the collection, and Milvus Lite's own, which it drops from metadata without a word."""


def is_reserved(key: str) -> bool:
    """Return whether metadata may have no such key."""
    return key in RESERVED_KEYS or key.startswith("$")
