"""What is written to a collection that is another one, or renamed, since it was embedded."""

from dataclasses import replace

import pytest
from ingest_streams import PICTURES, Shelf
from tihua_server.collection import CollectionSpec
from tihua_server.config import Limits
from tihua_server.errors import CollectionMoved, NotFound
from tihua_server.ingest.draft import Draft
from tihua_server.ingest.writer import Writer
from tihua_server.served_models import ServedModels
from tihua_server.types import ModelRef, Text


class Believer(Shelf):
    """A store that believes what it once knew of a name, as one of several servers does for 5 s."""

    def __init__(self) -> None:
        """Know nothing."""
        super().__init__()
        self._known: dict[str, CollectionSpec] = {}

    async def spec(self, name: str, *, is_fresh: bool = False) -> CollectionSpec:
        """Look it up only if it is not known, or asked to."""
        if is_fresh or name not in self._known:
            self._known[name] = await super().spec(name)
        return self._known[name]


async def test_a_write_to_a_collection_that_was_renamed_is_to_be_sent_again(
    models: ServedModels,
) -> None:
    """It finds the collection by the alias, and nothing was written."""
    store = Believer()
    await store.set_alias("latest", PICTURES)
    writer = Writer(models, store, Limits())
    prepared = await writer.prepare("latest", [Draft("a", Text("马"))])
    await store.rename(PICTURES, "renamed", keeps_alias=False)

    with pytest.raises(CollectionMoved, match="leads to renamed of fake now: send it again"):
        await writer.write(prepared.target, prepared.items)

    again = await writer.prepare("latest", [Draft("a", Text("马"))])
    await writer.write(again.target, again.items)
    assert list(store.items("renamed")) == ["a"]


async def test_a_write_to_a_collection_that_was_deleted_is_not_found(models: ServedModels) -> None:
    """There is nowhere to send it."""
    store = Believer()
    writer = Writer(models, store, Limits())
    prepared = await writer.prepare(PICTURES, [Draft("a", Text("马"))])
    await store.drop(PICTURES)

    with pytest.raises(NotFound):
        await writer.write(prepared.target, prepared.items)


async def test_embeddings_of_the_old_model_are_not_written_to_the_new_collection(
    models: ServedModels,
) -> None:
    """One that another server deleted and made anew; the write is to be sent again."""
    store = Believer()
    writer = Writer(models, store, Limits())
    prepared = await writer.prepare(PICTURES, [Draft("a", Text("马"))])
    spec = await store.spec(PICTURES)
    await store.drop(PICTURES)
    await store.create(replace(spec, model=ModelRef("other", "0123456789abcdef")))

    with pytest.raises(CollectionMoved, match="pictures of other now: send it again"):
        await writer.write(prepared.target, prepared.items)

    assert store.ids == []
