"""Later pages of an answer come from the collection that the first one came from."""

from tihua_server.errors import InvalidInput, NotFound
from tihua_server.vector_store import VectorStore


def require_same_collection(pages_of: str, asked: str, name: str) -> None:
    """Require that a name leads to the collection that earlier pages came from.

    Args:
        pages_of: own name of that collection; empty for a first page.
        asked: the name, which may be an alias.
        name: own name of the collection that it leads to.

    Raises:
        InvalidInput: it leads to another one.
    """
    if pages_of not in {"", name}:
        raise InvalidInput(
            f"page_token belongs to the collection {pages_of}; {asked} leads to {name} now: "
            "start again with the first page",
            reason="WRONG_PAGE_TOKEN",
            field="page_token",
        )


async def collection_of_pages(store: VectorStore, collection: str, pages_of: str) -> str:
    """Return the own name of the collection to list: that of the earlier pages, if any.

    Args:
        store: the store.
        collection: the name in the request, which may be an alias.
        pages_of: own name of the collection that earlier pages came from; empty for a first page.

    Raises:
        InvalidInput: that collection has another name now.
        NotFound: there is no such collection.
    """
    asked = pages_of or collection
    try:
        name = (await store.spec(asked)).name
    except NotFound:
        if asked == collection:
            raise
        asked = collection  # an alias, which may lead to the new name
        name = (await store.spec(asked, is_fresh=True)).name
    require_same_collection(pages_of, asked, name)
    return name
