"""A collection that another server deletes and makes anew with another model, under a write."""

from dataclasses import replace

import pytest
from ingest_streams import PICTURES, Shelf
from tihua_server.collection import CollectionSpec
from tihua_server.config import Limits
from tihua_server.draft import Draft
from tihua_server.errors import CollectionMoved
from tihua_server.served_models import ServedModels
from tihua_server.types import ModelRef, Text
from tihua_server.writer import Writer


class BelievingShelf(Shelf):
    """A store that believes what it read of a collection, as one in Milvus does for 5 s."""

    def __init__(self) -> None:
        """Believe nothing yet."""
        super().__init__()
        self._believed: dict[str, CollectionSpec] = {}

    async def spec(self, name: str, *, is_fresh: bool = False) -> CollectionSpec:
        """Return what is believed, unless it is to be looked for."""
        if is_fresh or name not in self._believed:
            self._believed[name] = await super().spec(name)
        return self._believed[name]


async def test_embeddings_of_the_old_model_are_not_written_to_the_new_collection(
    models: ServedModels,
) -> None:
    """The write is to be sent again; nothing is stored."""
    shelf = BelievingShelf()
    writer = Writer(models, shelf, Limits())
    prepared = await writer.prepare(PICTURES, [Draft("a", Text("马"))])
    spec = await shelf.spec(PICTURES)
    await shelf.drop(PICTURES)
    await shelf.create(replace(spec, model=ModelRef("other", "0123456789abcdef")))

    with pytest.raises(CollectionMoved, match="pictures of other now: send it again"):
        await writer.write(prepared.target, prepared.items)

    assert shelf.ids == []
