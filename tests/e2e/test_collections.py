"""Collections: made as asked, indexed anew, released, dropped."""

from collections.abc import Iterator

import pytest
import tihua
from processes import ServerProcess, run_tihua


def test_a_collection_is_what_was_asked_for(client: tihua.Client, names: Iterator[str]) -> None:
    """Index and parameters are read back from the store, and searching works."""
    name = next(names)
    client.create_collection(
        name, index="IVF_FLAT", index_params={"nlist": 100}, shards=2, description="山水"
    )
    client.upsert([tihua.Item("马", text="马")], collection=name)
    collection = client.get_collection(name)
    assert (collection.index, collection.description) == ("IVF_FLAT", "山水")
    assert collection.index_params == {"nlist": 100}
    assert (collection.item_count, collection.load_state) == (1, "loaded")
    assert collection.model == client.server_info().models[0].ref
    assert client.search(text="马", consistency="strong", collection=name)[0].id == "马"


@pytest.mark.parametrize(("index", "is_told"), [("HNSW", True), ("FLAT", False)])
def test_an_index_that_the_embedded_store_does_not_build_is_said_to_have_no_effect(
    server: ServerProcess, client: tihua.Client, collection: str, index: str, *, is_told: bool
) -> None:
    """A Milvus server builds every index."""
    done = run_tihua("collections", "index", collection, "--index", index, address=server.address)
    assert done.returncode == 0, done.stderr
    is_embedded = client.server_info().store.startswith("Milvus Lite")
    assert ("HNSW has an effect on a Milvus server only" in done.stderr) == (
        is_told and is_embedded
    )


def test_an_index_is_replaced(client: tihua.Client, collection: str) -> None:
    """Nothing is embedded again: the embedding stays the same to the bit, and is found."""
    client.upsert([tihua.Item("马", text="马")], collection=collection)
    [before] = client.get_items(["马"], fields=["embedding"], collection=collection)
    built = client.build_index(collection, index="HNSW", index_params={"M": 8})
    assert (built.index, built.index_params) == ("HNSW", {"M": 8, "efConstruction": 200})
    assert built.load_state == "loaded"
    [after] = client.get_items(["马"], fields=["embedding"], collection=collection)
    assert after == before
    [hit] = client.search(text="马", consistency="strong", collection=collection)
    assert hit.id == "马"


def test_a_released_collection_is_searched_after_loading(
    client: tihua.Client, collection: str
) -> None:
    """Until then the error says that it is released."""
    client.upsert([tihua.Item("马", text="马")], collection=collection)
    client.release_collection(collection)
    assert client.get_collection(collection).load_state == "released"
    with pytest.raises(tihua.FailedPreconditionError):
        client.search(text="马", collection=collection)
    client.load_collection(collection)
    assert len(client.search(text="马", consistency="strong", collection=collection)) == 1


def test_a_dropped_collection_is_gone(client: tihua.Client, collection: str) -> None:
    """Its name is free again."""
    client.delete_collection(collection)
    assert collection not in {entry.name for entry in client.list_collections()}
    with pytest.raises(tihua.NotFoundError):
        client.count_items(collection=collection)
    assert client.create_collection(collection).item_count == 0


def test_a_taken_name_is_refused(client: tihua.Client, collection: str) -> None:
    """Nothing is overwritten."""
    with pytest.raises(tihua.AlreadyExistsError):
        client.create_collection(collection)
