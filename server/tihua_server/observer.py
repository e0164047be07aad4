"""What the service reports to whoever watches it, without knowing who that is.

`app.py` passes an observer down: one that counts (`metrics.py`), one that traces (`traces.py`),
both or, by default, this one, which does nothing. It is called in the event loop and, except for
batches, in a task of the call that it is about. Times are those of `time.perf_counter`, in seconds.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeAlias

from tihua_server.stages import Stages

CallMetadata: TypeAlias = Sequence[tuple[str, str | bytes]]
"""gRPC's pairs of key and value."""


class Kind(StrEnum):
    """What is embedded."""

    TEXT = "text"
    IMAGE = "image"


class Observer:
    """Hears of everything; a subclass does what it wants of it, quickly, and never raises."""

    def rpc_began(self, method: str, metadata: CallMetadata) -> None:
        """Hear of a call: `SearchService/Search`, and what the client sent with it."""

    def rpc_ended(self, method: str, code: str, reason: str, start_s: float) -> None:
        """Hear how it ended: a gRPC status by name, and of an error of ours its reason."""

    def part_failed(self, reason: str) -> None:
        """Hear that a part of a call, one query of many, was answered with an error of ours."""

    def embedded(self, model: str, kind: Kind, start_s: float, stages: Stages) -> None:
        """Hear that a call's inputs of a kind were embedded just now, and where the time went."""

    def batch_computed(self, model: str, kind: Kind, size: int, inference_s: float) -> None:
        """Hear that the model has computed a batch."""

    def batch_failed(self, model: str, kind: Kind, error: Exception) -> None:
        """Hear that it failed to compute one, and why."""

    def store_answered(self, call: str, start_s: float, reason: str) -> None:
        """Hear that the store did what was asked, or with a reason that it did not."""

    def ingested(self, *, written: int, failed: int, skipped: int) -> None:
        """Hear what became of items of an ingest stream that was just acknowledged."""


class Observers(Observer):
    """Several that hear the same."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def rpc_began(self, method: str, metadata: CallMetadata) -> None:
        """Tell all of them."""
        for observer in self._observers:
            observer.rpc_began(method, metadata)

    def rpc_ended(self, method: str, code: str, reason: str, start_s: float) -> None:
        """Tell all of them."""
        for observer in self._observers:
            observer.rpc_ended(method, code, reason, start_s)

    def part_failed(self, reason: str) -> None:
        """Tell all of them."""
        for observer in self._observers:
            observer.part_failed(reason)

    def embedded(self, model: str, kind: Kind, start_s: float, stages: Stages) -> None:
        """Tell all of them."""
        for observer in self._observers:
            observer.embedded(model, kind, start_s, stages)

    def batch_computed(self, model: str, kind: Kind, size: int, inference_s: float) -> None:
        """Tell all of them."""
        for observer in self._observers:
            observer.batch_computed(model, kind, size, inference_s)

    def batch_failed(self, model: str, kind: Kind, error: Exception) -> None:
        """Tell all of them."""
        for observer in self._observers:
            observer.batch_failed(model, kind, error)

    def store_answered(self, call: str, start_s: float, reason: str) -> None:
        """Tell all of them."""
        for observer in self._observers:
            observer.store_answered(call, start_s, reason)

    def ingested(self, *, written: int, failed: int, skipped: int) -> None:
        """Tell all of them."""
        for observer in self._observers:
            observer.ingested(written=written, failed=failed, skipped=skipped)
