"""Finds models that are in trouble; the health check asks regularly (`rpc/readiness.py`).

Texts and pictures of a model are checked separately: one may fail while the other works. A model
whose batch hangs is in trouble until the batch ends. Failed batches prove less: their inputs may
have been too much for the model. So a sample is then computed, in a batch of its own, and the model
is well if that succeeds. This is also how a recovery is found: a server that is NOT_SERVING gets no
calls.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import TypeAlias

import structlog

from tihua_server.errors import ServiceError
from tihua_server.model_queues import ModelQueues
from tihua_server.recurring import RecurringErrors
from tihua_server.served_models import ServedModels
from tihua_server.types import Kind

HUNG_S = 60.0
"""A batch that runs longer than this counts as hung, in seconds. A batch of several inputs is
expected to take 0.4 s at most (`Config.max_batch_ms`); a single picture, or the first batch after a
pause, takes a large model several seconds on a slow core. Beside programs that keep all cores busy
a picture may take ten times as long (`niceness.py`), and then counts as hung until it ends. A
minute is longer than most callers wait."""

FAILURES = 3
"""Batches that fail in a row before a sample is tried: one or two fail on a GPU that is full for a
moment."""

SAMPLE_S = 10.0
"""How long a sample may wait and be computed, in seconds: as long as the store may take to answer
(`Config.store_timeout_s`), so that it does not delay the health check."""

Troubles: TypeAlias = Mapping[tuple[str, Kind], str]
"""Why a model fails to compute a kind of input, by its id and the kind."""

_log = structlog.get_logger("tihua")


class ModelWatch:
    """Watches the batches of every model; belongs to one event loop."""

    def __init__(
        self, models: ServedModels, *, hung_s: float = HUNG_S, sample_s: float = SAMPLE_S
    ) -> None:
        """Watch the models of a server.

        Args:
            models: all of them.
            hung_s: how long a batch runs before it counts as hung, in seconds.
            sample_s: how long a sample may take, in seconds.
        """
        self._queues = {each.model.ref.id: each.queues for each in models.embedders}
        self._hung_s = hung_s
        self._sample_s = sample_s
        self._troubles: Troubles = {}
        self._bugs = RecurringErrors("bug")
        self._looked_s = time.monotonic()

    def is_in_trouble(self, model: str, kind: Kind) -> bool:
        """Return whether the last look found a model in trouble with a kind."""
        return (model, kind) in self._troubles

    async def look(self) -> Troubles:
        """Return which models are in trouble, and log changes.

        To be called every few seconds. After a longer gap it assumes that the process was paused,
        and counts the time of batches anew, unless they hung before.
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
        """Return why the model fails to compute a kind; "" if it succeeds, or was not asked."""
        running = queues.of(kind).running
        if running.oldest_s > self._hung_s:
            return f"a batch has been running for more than {self._hung_s:g} s"
        if running.failed_in_a_row < FAILURES or await self._computes_sample(queues, kind):
            return ""
        # Meanwhile it may have computed batches of other callers.
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
        self._bugs.succeeded()
        return True
