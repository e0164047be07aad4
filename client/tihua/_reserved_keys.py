"""The keys that an item's metadata can't have; the server uses this list too."""

RESERVED_KEYS = frozenset(
    {"id", "embedding", "uri", "_origin", "_update_time", "_seq", "_partition"}
)
"""The collection's columns, and those of Milvus Lite, which it silently drops from metadata."""


def is_reserved(key: str) -> bool:
    """Return whether metadata can't have this key."""
    return key in RESERVED_KEYS or key.startswith("$")
