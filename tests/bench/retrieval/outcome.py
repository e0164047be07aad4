"""Results: runs, one per server, with an outcome for each task."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tihua import ModelInfo, ServerInfo
from tihua_server.training.recall import Recall

MAX_LOSS = 1.0
"""How many points of R@10 a precision may lose against fp32."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A task that could not be measured.

    Attributes:
        name: the task's.
        reason: what is missing or damaged, and what to do.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a task.

    Attributes:
        task: its name.
        pictures: number of pictures in the gallery.
        recall: the recall of its queries.
        missed: texts without a fitting picture among the first five, if the task has few queries.
    """

    task: str
    pictures: int
    recall: Recall
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """All tasks over one server.

    Attributes:
        server: the server that answered.
        outcomes: one per task; every run has the same tasks.
        seconds: duration, without the start of the server.
    """

    server: ServerInfo
    outcomes: tuple[Outcome, ...]
    seconds: float

    @property
    def model(self) -> ModelInfo:
        """Return the model that was measured: the server's first."""
        return self.server.models[0]

    @property
    def engine(self) -> str:
        """Return engine and precision: `openvino bf16`, `torch fp32 on cuda:0`."""
        device = "" if self.model.device == "cpu" else f" on {self.model.device}"
        return f"{self.model.engine} {self.model.precision}{device}"

    def as_json(self) -> dict[str, Any]:
        """Return all results as JSON values."""
        return {
            "model": {
                "id": self.model.ref.id,
                "fingerprint": self.model.ref.fingerprint,
                "engine": self.model.engine,
                "device": self.model.device,
                "precision": self.model.precision,
            },
            "version": self.server.version,
            "store": self.server.store,
            "seconds": round(self.seconds, 1),
            "tasks": [
                {
                    "task": outcome.task,
                    "queries": outcome.recall.queries,
                    "pictures": outcome.pictures,
                    **{f"r@{rank}": share for rank, share in outcome.recall.at.items()},
                    "median_rank": outcome.recall.median_rank,
                    "missed": list(outcome.missed),
                }
                for outcome in self.outcomes
            ],
        }


def loss(run: Run, reference: Run, task: int) -> float:
    """Return the points of R@10 that a run loses against another in a task; negative is a gain."""
    return round(reference.outcomes[task].recall.at[10] - run.outcomes[task].recall.at[10], 6)


def reference_of(runs: Sequence[Run]) -> Run | None:
    """Return the run to compare the others with: the first in fp32, if there are others."""
    exact = [run for run in runs if run.model.precision == "fp32"]
    return exact[0] if exact and len(runs) > 1 else None


def losers(runs: Sequence[Run]) -> list[str]:
    """Return a line for each run and task that lost more than `MAX_LOSS` points against fp32."""
    reference = reference_of(runs)
    if reference is None:
        return []
    return [
        f"{run.engine} loses {lost:.1f} points of R@10 against fp32 on {outcome.task}; "
        f"{MAX_LOSS:g} is allowed"
        for run in runs
        for task, outcome in enumerate(run.outcomes)
        if (lost := loss(run, reference, task)) > MAX_LOSS
    ]
