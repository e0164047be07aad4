"""What the service reports to metrics and traces, without knowing either.

`app.py` passes an observer down: one that counts (`telemetry/metrics.py`), one that traces
(`telemetry/traces.py`), both or, by default, this one, which does nothing. It is called in the
event loop and, except for batches, in a task of the call in question. Times are those of
`time.perf_counter`, in seconds.
"""

from collections.abc import Sequence
from typing import TypeAlias

from tihua_server.stages import Stages
from tihua_server.types import Kind

CallMetadata: TypeAlias = Sequence[tuple[str, str | bytes]]
"""gRPC's pairs of key and value."""


class Observer:
    """A callback for each kind of event; overrides must be quick and must not raise."""

    def rpc_began(self, method: str, metadata: CallMetadata) -> None:
        """A call began: its method, `SearchService/Search`, and the client's metadata."""

    def rpc_ended(self, method: str, code: str, reason: str, start_s: float) -> None:
        """It ended: the name of its gRPC status, and the reason if it is an error of ours."""

    def part_failed(self, reason: str) -> None:
        """A part of a call, one query of many, was answered with an error of ours."""

    def embedded(self, model: str, kind: Kind, start_s: float, stages: Stages) -> None:
        """A call's inputs of one kind have just been embedded, in these times."""

    def batch_computed(self, model: str, kind: Kind, size: int, inference_s: float) -> None:
        """The model computed a batch."""

    def batch_failed(self, model: str, kind: Kind, error: Exception) -> None:
        """The model failed to compute a batch."""

    def store_answered(self, call: str, start_s: float, reason: str) -> None:
        """The store answered a call; the reason is that of its failure, or empty."""

    def ingested(self, *, written: int, failed: int, skipped: int) -> None:
        """Items of an ingest stream were committed, with these outcomes."""


NOBODY = Observer()
"""An observer that does nothing."""


class Observers(Observer):
    """Passes every event on to several observers."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def rpc_began(self, method: str, metadata: CallMetadata) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.rpc_began(method, metadata)

    def rpc_ended(self, method: str, code: str, reason: str, start_s: float) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.rpc_ended(method, code, reason, start_s)

    def part_failed(self, reason: str) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.part_failed(reason)

    def embedded(self, model: str, kind: Kind, start_s: float, stages: Stages) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.embedded(model, kind, start_s, stages)

    def batch_computed(self, model: str, kind: Kind, size: int, inference_s: float) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.batch_computed(model, kind, size, inference_s)

    def batch_failed(self, model: str, kind: Kind, error: Exception) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.batch_failed(model, kind, error)

    def store_answered(self, call: str, start_s: float, reason: str) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.store_answered(call, start_s, reason)

    def ingested(self, *, written: int, failed: int, skipped: int) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.ingested(written=written, failed=failed, skipped=skipped)
