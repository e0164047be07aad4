"""The learning curve of a training: a table of its epochs, and a plot."""

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tihua_server.training.out_folder import whole
from tihua_server.training.recall import Recall

TABLE = "curve.tsv"
PICTURE = "curve.png"


@dataclass(frozen=True, slots=True)
class Point:
    """One epoch.

    Attributes:
        stage: from 1.
        epoch: within the stage, from 1; 0 is before the training.
        loss: mean over the epoch's steps; None before the training.
        recall_at_10, recall_at_5, recall_at_1: on the validation pictures, in percent; None if not
            measured.
    """

    stage: int
    epoch: int
    loss: float | None
    recall_at_10: float | None = None
    recall_at_5: float | None = None
    recall_at_1: float | None = None

    @classmethod
    def of(cls, stage: int, epoch: int, loss: float | None, found: Recall | None) -> "Point":
        """Return the point of an epoch; `found` is None if nothing was measured."""
        return cls(stage, epoch, loss, *(found.shares if found else ()))


class Curve:
    """The epochs of a training, including those before a stop.

    Args:
        folder: the folder of curve.tsv and curve.png, which exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.points = _read(folder / TABLE)

    def has(self, stage: int, epoch: int) -> bool:
        """Return whether an epoch was recorded."""
        return any((one.stage, one.epoch) == (stage, epoch) for one in self.points)

    @property
    def before(self) -> float | None:
        """R@10 before the training, in percent; None if it was not measured."""
        return self.points[0].recall_at_10 if self.has(1, 0) else None

    def restart(self) -> None:
        """Forget the epochs of an earlier run."""
        self.points = []

    def resume(self, point: Point) -> None:
        """Record the epoch of a checkpoint, if the run stopped between writing it and this."""
        if not self.has(point.stage, point.epoch):
            self.record(point)

    def note(self, point: Point) -> None:
        """Add an epoch, and forget later ones: those of a run that stopped before keeping them."""
        place = (point.stage, point.epoch)
        self.points = [one for one in self.points if (one.stage, one.epoch) < place] + [point]

    def record(self, point: Point) -> None:
        """Add an epoch, and write table and plot, which takes a third of a second."""
        self.note(point)
        text = io.StringIO()
        names = [field.name for field in fields(Point)]
        table = csv.DictWriter(text, names, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(one) for one in self.points)
        _write(self._folder / TABLE, text.getvalue().encode())
        _write(self._folder / PICTURE, _draw(self.points))


def _read(table: Path) -> list[Point]:
    if not table.exists():
        return []
    with table.open(encoding="utf-8", newline="") as file:
        return [
            Point(
                int(row["stage"]),
                int(row["epoch"]),
                *(_number(row.get(field.name)) for field in fields(Point)[2:]),
            )
            for row in csv.DictReader(file, delimiter="\t")
        ]


def _number(text: str | None) -> float | None:
    return float(text) if text else None


def _write(file: Path, content: bytes) -> None:
    # A viewer may have it open.
    with whole(file) as partial:
        partial.write_bytes(content)


def _draw(points: list[Point]) -> bytes:
    """Return a PNG of the loss, and of recall if it was measured, over the epochs."""
    first = min(1, points[0].epoch)
    epochs = range(first, first + len(points))
    learned = [
        (epoch, one.loss) for epoch, one in zip(epochs, points, strict=True) if one.loss is not None
    ]
    measured = [
        (epoch, one.recall_at_10)
        for epoch, one in zip(epochs, points, strict=True)
        if one.recall_at_10 is not None
    ]
    figure = Figure(figsize=(8, 6 if measured else 3.5), dpi=100, layout="constrained")
    panels = figure.subplots(2 if measured else 1, sharex=True, squeeze=False)[:, 0]
    panels[0].plot(*_columns(learned), marker=".")
    panels[0].set_ylabel("loss")
    if measured:
        panels[1].plot(*_columns(measured), marker=".", clip_on=False)
        panels[1].set_ylabel("R@10 on val, %")
        low, high = panels[1].get_ylim()
        panels[1].set_ylim(max(0, low), min(100, high))
        if points[0].epoch == 0:
            panels[1].axhline(measured[0][1], color="grey", linestyle=":", label="before")
            panels[1].legend()
    panels[-1].set_xlabel("epoch")
    panels[-1].set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in panels:
        axes.grid(alpha=0.3)
        for epoch, before, after in zip(epochs, points, points[1:], strict=False):
            if after.stage != before.stage:
                axes.axvline(epoch + 0.5, color="grey", linestyle="--", linewidth=1)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _columns(rows: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [epoch for epoch, _ in rows], [value for _, value in rows]
