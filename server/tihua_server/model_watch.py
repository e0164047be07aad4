"""Which models are in trouble: health asks regularly (`readiness.py`).

Texts and pictures of a model are looked at apart: one may fail while the other is computed. A
batch that hangs is in trouble until it ends. Batches that failed prove less, for what was asked of
the model may have been too much. So a sample is computed then, in a batch of its own, and all is
well if the model computes it. That is also how it is found to be well again: a server that is
NOT_SERVING gets no calls.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import TypeAlias

import structlog

from tihua_server.errors import ServiceError
from tihua_server.model_queues import ModelQueues
from tihua_server.observer import Kind
from tihua_server.recurring import Recurring
from tihua_server.served_models import ServedModels

HUNG_S = 60.0
"""From when on a batch hangs, in seconds. One of several inputs is expected to take 0.4 s at most
(`Config.max_batch_ms`); one of a single picture, or the first after a pause, takes a large model
several seconds on a slow core. Beside programs that keep all cores busy a picture may take ten
times as long (`niceness.py`), and is then taken for a hung batch until it ends. A minute is longer
than most callers wait."""

FAILURES = 3
"""So many batches fail one after another before the model is tried out: one or two fail on a GPU
that is full for a moment."""

SAMPLE_S = 10.0
"""How long a sample may wait and be computed, in seconds: as long as the store may take to answer
(`Config.store_timeout_s`), so that health is not later for it."""

Troubles: TypeAlias = Mapping[tuple[str, Kind], str]
"""Why a model computes nothing of a kind, by its id and the kind."""

_log = structlog.get_logger("tihua")


class ModelWatch:
    """Looks at how the batches of every model fare; belongs to one event loop."""

    def __init__(
        self, models: ServedModels, *, hung_s: float = HUNG_S, sample_s: float = SAMPLE_S
    ) -> None:
        """Take the models.

        Args:
            models: all of the server.
            hung_s: from when on a batch hangs, in seconds.
            sample_s: how long a sample may take, in seconds.
        """
        self._queues = {model.ref.id: models.named(model.ref.id).queues for model in models}
        self._hung_s = hung_s
        self._sample_s = sample_s
        self._troubles: Troubles = {}
        self._bugs = Recurring("bug")
        self._looked_s = time.monotonic()

    def is_in_trouble(self, model: str, kind: Kind) -> bool:
        """Return whether the last look found that a model computes nothing of a kind."""
        return (model, kind) in self._troubles

    async def look(self) -> Troubles:
        """Return which models are in trouble, and log what has changed.

        To be called every few seconds: after a longer gap it takes the process for one that was
        paused, and no batch for one that hangs, unless it did so before.
        """
        keys = [(model, kind) for model in self._queues for kind in Kind]
        looked_s, self._looked_s = self._looked_s, time.monotonic()
        if self._looked_s - looked_s > self._hung_s / 2:
            for model, kind in keys:
                if not self.is_in_trouble(model, kind):
                    self._queues[model].of(kind).running.recount()
        whys = await asyncio.gather(
            *(self._trouble(self._queues[model], kind) for model, kind in keys)
        )
        before = self._troubles
        self._troubles = {key: why for key, why in zip(keys, whys, strict=True) if why}
        for (model, kind), why in self._troubles.items():
            if before.get((model, kind)) != why:
                _log.warning("model in trouble", model=model, kind=kind.value, why=why)
        for model, kind in before.keys() - self._troubles.keys():
            _log.info("model is well again", model=model, kind=kind.value)
        return self._troubles

    async def _trouble(self, queues: ModelQueues, kind: Kind) -> str:
        """Return why the model computes nothing of a kind; "" if it does, or was not asked."""
        running = queues.of(kind).running
        if running.oldest_s > self._hung_s:
            return f"a batch has been running for more than {self._hung_s:g} s"
        if running.failed_in_a_row < FAILURES or await self._computes_sample(queues, kind):
            return ""
        # Meanwhile it may have computed what others asked for.
        if running.failed_in_a_row < FAILURES:
            return ""
        return "it fails at every batch; the log has the details"

    async def _computes_sample(self, queues: ModelQueues, kind: Kind) -> bool:
        try:
            async with asyncio.timeout(self._sample_s):
                await queues.compute_sample(kind)
        except (TimeoutError, ServiceError):  # a model's is logged where it is raised
            return False
        except Exception as error:  # noqa: BLE001
            self._bugs.log(error)
            return False
        self._bugs.is_over()
        return True
