"""The curve of a training."""

from pathlib import Path

from tihua_server.training.curve import Curve, Point

PNG = b"\x89PNG"


def test_every_epoch_is_drawn_and_written_down(tmp_path: Path) -> None:
    """The picture is there after the first."""
    Curve(tmp_path).record(Point(1, 1, 2.5))
    assert (tmp_path / "curve.png").read_bytes().startswith(PNG)
    assert (tmp_path / "curve.tsv").read_text().splitlines()[1] == "1\t1\t2.5\t"


def test_a_resumed_training_goes_on_with_its_curve(tmp_path: Path) -> None:
    """What was recorded before the stop is still there, as it was."""
    before = Point(1, 1, 2.5, recall_at_10=12.5)
    Curve(tmp_path).record(before)
    curve = Curve(tmp_path)
    curve.record(Point(1, 2, 2.0))
    assert curve.points == [before, Point(1, 2, 2.0)]


def test_a_training_begun_anew_forgets_the_old_one(tmp_path: Path) -> None:
    """Later epochs and stages are of another run."""
    curve = Curve(tmp_path)
    for point in (Point(1, 1, 2.5), Point(1, 2, 2.0), Point(2, 1, 1.5)):
        curve.record(point)
    curve.record(Point(1, 1, 2.4))
    assert curve.points == [Point(1, 1, 2.4)]
