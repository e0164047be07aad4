"""The models of a server, an embedder for each, and the choice of one for a request.

A request may name a model. If it does not, the collection's is used, found by its fingerprint, or
the first model if no collection is involved.
"""

import asyncio
import itertools
from collections.abc import Iterator, Sequence

from tihua_server.batching.lane import Lane
from tihua_server.capacity import Capacity
from tihua_server.collection import CollectionSpec
from tihua_server.config import MODEL_NAMES, Config
from tihua_server.embedder import Embedder
from tihua_server.errors import ConfigError, ModelMismatch, NotFound
from tihua_server.observer import NOBODY, Observer
from tihua_server.types import Encoder, Kind, ModelInfo, ModelRef

CLOSE_S = 5.0
"""How long threads may finish what they compute when the server stops, in seconds: more than any
usual batch or picture takes."""


class ServedModels:
    """Embedders that share a `Capacity`. Iterating yields each model's `ModelInfo`."""

    def __init__(
        self, encoders: Sequence[Encoder], config: Config, observer: Observer = NOBODY
    ) -> None:
        """Wrap the encoders; the first is the default. Belongs to one event loop.

        Their ids must differ, as `Config` ensures.

        Raises:
            ConfigError: two of them are the same model.
        """
        _require_distinct(encoders)
        # One engine computes all of them, so that they can take turns in the same threads.
        [streams] = {encoder.image_streams for encoder in encoders}
        self._capacity = Capacity(config, image_streams=streams)
        self._embedders = tuple(
            Embedder(encoder, config, self._capacity, observer) for encoder in encoders
        )

    def __iter__(self) -> Iterator[ModelInfo]:
        """Yield the description of each model; the first is the default."""
        return (embedder.model for embedder in self._embedders)

    @property
    def embedders(self) -> tuple[Embedder, ...]:
        """The embedder of each model; the first is the default."""
        return self._embedders

    @property
    def device_lost(self) -> asyncio.Event:
        """Set when the device has failed permanently for this process."""
        return self._capacity.device_lost

    def named(self, name: str, *, within: str = "") -> Embedder:
        """Return the embedder of a model by its id; of the first if `name` is empty.

        Args:
            name: the id.
            within: the message that names it, for errors: `options.`.

        Raises:
            NotFound: it is not served.
        """
        if not name:
            return self._embedders[0]
        for embedder in self._embedders:
            if embedder.model.ref.id == name:
                return embedder
        served = ", ".join(model.ref.id for model in self)
        raise NotFound(
            f"model {name} is not served here; this server has {served}",
            reason="MODEL_NOT_FOUND",
            field=f"{within}model",
        )

    def of(self, spec: CollectionSpec, name: str = "", *, within: str = "") -> Embedder:
        """Return the embedder of a collection's model.

        Args:
            spec: of the collection.
            name: the model that the request names; empty means the collection's.
            within: the message that names it and the collection, for errors: `start.`.

        Raises:
            NotFound: the named model is not served.
            ModelMismatch: the collection was made with a model that is not served, or with another
                than the named one.
        """
        if name:
            named = self.named(name, within=within).model
            if named.ref.fingerprint != spec.model.fingerprint:
                remedy = "leave the model out, or name the collection's"
                raise _mismatch(spec, [named], "the request asks for", remedy, within)
        for embedder in self._embedders:
            if embedder.model.ref.fingerprint == spec.model.fingerprint:
                return embedder
        served = list(self)
        raise _mismatch(spec, served, "this server has", _remedy(spec.model, served), within)

    def admitted(self, kind: Kind, lane: Lane) -> int:
        """Return how many inputs of a kind are queued or in progress."""
        capacity = self._capacity
        admissions = capacity.text_admissions if kind is Kind.TEXT else capacity.picture_admissions
        return admissions[lane].held

    def admitted_bytes(self, lane: Lane) -> int:
        """Return the bytes of the pictures that are queued or in progress."""
        return self._capacity.picture_admissions[lane].held_bytes

    async def warm_up(self) -> None:
        """Run a text and a picture through each model, so that no caller pays for that."""
        for embedder in self._embedders:
            await embedder.queues.warm_up()

    async def close(self) -> bool:
        """Stop; waiting inputs fail with `Draining`. Return whether all threads have finished.

        One may be in the middle of a batch or a picture, whose result nobody awaits.
        """
        for embedder in self._embedders:
            embedder.stop()
        self._capacity.stop()
        return await asyncio.to_thread(self._capacity.close, CLOSE_S)


def _require_distinct(encoders: Sequence[Encoder]) -> None:
    refs = [encoder.info.ref for encoder in encoders]
    for one, other in itertools.combinations(refs, 2):
        if one.fingerprint == other.fingerprint:
            raise ConfigError(
                f"{one.id} and {other.id} are the same model ({one.fingerprint}): serve one of them"
            )


def _remedy(missing: ModelRef, served: Sequence[ModelInfo]) -> str:
    """Return what can be done about the collections of a model that is not served."""
    flag = f"--also-model {missing.id}"
    if missing.id not in MODEL_NAMES or any(model.ref.id == missing.id for model in served):
        flag = "--also-model ID:NAME=CHECKPOINT for the collection's checkpoint"
    # NAME, because the caller may use an alias, and then that is what must be reindexed.
    reindex = f"tihua collections reindex NAME DIR… --model {served[0].ref.id}"
    return f"start the server with {flag} too, or move the collection to another model: {reindex}"


def _mismatch(
    spec: CollectionSpec, models: Sequence[ModelInfo], whose: str, remedy: str, within: str
) -> ModelMismatch:
    ours = ", ".join(f"{model.ref.id} ({model.ref.fingerprint})" for model in models)
    return ModelMismatch(
        f"collection {spec.name} was made with {spec.model.id} ({spec.model.fingerprint}); "
        f"{whose} {ours}: {remedy}",
        field=f"{within}collection",
        metadata={
            "collection_model": spec.model.id,
            "collection_fingerprint": spec.model.fingerprint,
            "model": ", ".join(model.ref.id for model in models),
            "fingerprint": ", ".join(model.ref.fingerprint for model in models),
        },
    )
