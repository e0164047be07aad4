"""Which model a request is about, and how models share a machine; with fake models."""

import asyncio
import dataclasses
import threading
from collections.abc import AsyncIterator, Sequence

import pytest
from fake_encoder import FakeEncoder
from second_encoder import SecondEncoder
from tihua_server.batching.lane import Lane
from tihua_server.collection import CollectionSpec, Index, IndexType
from tihua_server.config import Config
from tihua_server.errors import ConfigError, ModelMismatch, NotFound, Overloaded
from tihua_server.served_models import ServedModels
from tihua_server.types import FloatArray, ModelRef, PixelArray, RgbImage

SIZE = FakeEncoder.info.image_size
FIRST = FakeEncoder.info.ref
SECOND = SecondEncoder.info.ref
SECOND_SIZE = SecondEncoder.info.image_size


@pytest.fixture
async def models() -> AsyncIterator[ServedModels]:
    """Two models on one machine."""
    made = ServedModels([FakeEncoder(), SecondEncoder()], Config(preprocess_threads=1))
    yield made
    await made.close()


def collection(ref: ModelRef) -> CollectionSpec:
    """Return a collection of a model."""
    return CollectionSpec("paintings", ref, 32, Index(IndexType.FLAT))


def square(level: int, side: int = SIZE) -> RgbImage:
    """Return a picture that needs no work."""
    return RgbImage(bytes([level]) * (side * side * 3), side, side)


async def test_a_model_is_found_by_its_name(models: ServedModels) -> None:
    """No name means the first."""
    assert [model.ref for model in models] == [FIRST, SECOND]
    assert models.named("second").model.ref == SECOND
    assert models.named("").model.ref == FIRST


async def test_a_name_that_is_not_served_is_not_found(models: ServedModels) -> None:
    """The error names those that are."""
    with pytest.raises(NotFound, match="third is not served here; this server has fake, second"):
        models.named("third")


async def test_a_collection_is_served_by_the_model_that_made_it(models: ServedModels) -> None:
    """By its fingerprint, whatever the model was called then."""
    assert models.of(collection(SECOND)).model.ref == SECOND
    assert models.of(collection(ModelRef("old name", SECOND.fingerprint))).model.ref == SECOND
    assert models.of(collection(SECOND), "second").model.ref == SECOND


@pytest.mark.parametrize(
    ("made_with", "named", "words"),
    [
        (
            ModelRef("RN50", "3333333333333333"),
            "",
            "start the server with --also-model RN50 too, or",
        ),
        (ModelRef("mine", "3333333333333333"), "", "ID:NAME=CHECKPOINT for the collection's"),
        (ModelRef("second", "3333333333333333"), "", "ID:NAME=CHECKPOINT for the collection's"),
        (
            ModelRef("RN50", "3333333333333333"),
            "",
            "tihua collections reindex NAME DIR… --model fake$",
        ),
        (SECOND, "fake", r"the request asks for fake \(fa4e.*leave the model out"),
    ],
)
async def test_a_collection_of_another_model_is_refused(
    models: ServedModels, made_with: ModelRef, named: str, words: str
) -> None:
    """The error names both models, and the remedy."""
    with pytest.raises(ModelMismatch, match=words) as refused:
        models.of(collection(made_with), named)
    assert refused.value.metadata["collection_fingerprint"] == made_with.fingerprint


async def test_a_named_model_that_is_not_served_is_not_found_before_anything_else(
    models: ServedModels,
) -> None:
    """Whatever the collection is of."""
    with pytest.raises(NotFound, match="third"):
        models.of(collection(SECOND), "third")


async def test_one_model_under_two_names_is_refused() -> None:
    """A collection of it would have two models."""

    class Alike(FakeEncoder):
        info = dataclasses.replace(FakeEncoder.info, ref=ModelRef("third", FIRST.fingerprint))

    with pytest.raises(ConfigError, match="fake and third are the same model"):
        ServedModels([FakeEncoder(), Alike()], Config())


async def test_models_take_turns_and_a_query_goes_before_bulk_of_the_other() -> None:
    """Two models that compute at once on the same cores would both be slow."""
    may_go_on, has_begun = threading.Event(), threading.Event()
    order: list[str] = []

    class Held(FakeEncoder):
        def encode_images(self, images: Sequence[PixelArray]) -> FloatArray:
            order.append(self.info.ref.id)
            has_begun.set()
            assert may_go_on.wait(60)
            return super().encode_images(images)

    class HeldSecond(Held):
        info = SecondEncoder.info

    models = ServedModels([Held(), HeldSecond()], Config(preprocess_threads=1, max_batch_size=1))
    bulk = asyncio.create_task(
        models.named("fake").embed([square(1), square(2)], lane=Lane.BULK, wait=True)
    )
    assert await asyncio.to_thread(has_begun.wait, 60)
    query = asyncio.create_task(models.named("second").embed([square(3, SECOND_SIZE)]))
    for _ in range(10):
        await asyncio.sleep(0)
    assert order == ["fake"]
    may_go_on.set()
    await asyncio.gather(bulk, query)
    assert order == ["fake", "second", "fake"]
    await models.close()


async def test_what_waits_is_bounded_for_all_models_together() -> None:
    """The bytes of pictures are those of the machine."""
    config = Config(preprocess_threads=1, max_queue_bytes=3 * SIZE * SIZE * 3)
    may_go_on, has_begun = threading.Event(), threading.Event()

    class Held(FakeEncoder):
        def encode_images(self, images: Sequence[PixelArray]) -> FloatArray:
            has_begun.set()
            assert may_go_on.wait(60)
            return super().encode_images(images)

    models = ServedModels([Held(), SecondEncoder()], config)
    first = asyncio.create_task(models.named("fake").embed([square(1), square(2)]))
    assert await asyncio.to_thread(has_begun.wait, 60)
    with pytest.raises(Overloaded, match="bytes of pictures"):
        await models.named("second").embed([square(3), square(4)])
    may_go_on.set()
    await first
    assert len((await models.named("second").embed([square(3), square(4)])).rows) == 2
    await models.close()
