"""Where the time of a call went."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stages:
    """How long each stage of a call took, in seconds: the longest of any input.

    Attributes:
        queue_s: waiting for a batch.
        preprocess_s: decoding, resizing, tokenizing, waiting for a thread included.
        inference_s: the model, for the whole batch.
        store_s: the store.
        batch_size: the largest batch.
    """

    queue_s: float = 0.0
    preprocess_s: float = 0.0
    inference_s: float = 0.0
    store_s: float = 0.0
    batch_size: int = 0

    def merge(self, other: "Stages") -> "Stages":
        """Return the longer of each stage."""
        return Stages(
            queue_s=max(self.queue_s, other.queue_s),
            preprocess_s=max(self.preprocess_s, other.preprocess_s),
            inference_s=max(self.inference_s, other.inference_s),
            store_s=max(self.store_s, other.store_s),
            batch_size=max(self.batch_size, other.batch_size),
        )


def longest(stages: Iterable[Stages]) -> Stages:
    """Return the longest of each stage."""
    return functools.reduce(Stages.merge, stages, Stages())
