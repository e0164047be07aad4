"""What copying and reindexing a collection share: a collection like it, its list, its items."""

import contextlib
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from tihua._server_types import Collection
from tihua._types import Item
from tihua.errors import AlreadyExistsError

if TYPE_CHECKING:
    from tihua._client import Client

LIST_ITEMS = 1_000
"""Ids of one page of a list, if the server's limits allow as many."""

PAGE_ITEMS = 256
"""Items fetched in one call, if the server's limits allow as many: half a MB of embeddings."""


def created_like(client: "Client", name: str, original: Collection, *, model: str) -> Collection:
    """Return the collection `name`; if there is none, create it like another one.

    Args:
        client: a client of the server.
        name: the name of the new collection.
        original: has the index, the shards and the description; may be of another server.
        model: the id of the new collection's model.
    """
    with contextlib.suppress(AlreadyExistsError):
        return client.create_collection(
            name,
            index=original.index,
            index_params=original.index_params,
            shards=original.shards,
            description=original.description,
            model=model,
        )
    return client.get_collection(name)


def ensure_loaded(client: "Client", collection: Collection) -> None:
    """Load a collection if it is released."""
    if collection.load_state == "released":
        client.load_collection(collection.name)


def listed(client: "Client", collection: str, *, page_size: int) -> Iterator[Item]:
    """Yield every item of a collection, with its update time alone."""
    return client.list_items(fields=("update_time",), page_size=page_size, collection=collection)


def if_any(items: Iterator[Item]) -> Iterator[Item] | None:
    """Return the items once there is one, None if there is none.

    No stream should be opened before: the server ends one that is idle.
    """
    first = next(items, None)
    return None if first is None else chain([first], items)
