"""The curve of a training."""

from pathlib import Path

from tihua_server.training.curve import Curve, Point

PNG = b"\x89PNG"


def test_every_epoch_is_drawn_and_written_down(tmp_path: Path) -> None:
    """The plot is there after the first epoch."""
    Curve(tmp_path).record(Point(1, 1, 2.5))
    assert (tmp_path / "curve.png").read_bytes().startswith(PNG)
    assert (tmp_path / "curve.tsv").read_text().splitlines()[1] == "1\t1\t2.5\t\t\t"


def test_a_resumed_training_goes_on_with_its_curve(tmp_path: Path) -> None:
    """Epochs recorded before a stop are unchanged."""
    before = Point(1, 1, 2.5, 12.5, 6.5, 0.5)
    Curve(tmp_path).record(before)
    curve = Curve(tmp_path)
    curve.record(Point(1, 2, 2.0))
    assert curve.points == [before, Point(1, 2, 2.0)]


def test_what_is_noted_is_written_with_what_is_recorded_next(tmp_path: Path) -> None:
    """Drawing takes longer than an epoch of a few pictures."""
    curve = Curve(tmp_path)
    curve.note(Point(1, 1, 2.5))
    assert not list(tmp_path.iterdir())
    curve.record(Point(1, 2, 2.0))
    assert Curve(tmp_path).points == [Point(1, 1, 2.5), Point(1, 2, 2.0)]


def test_a_training_begun_anew_forgets_the_old_one(tmp_path: Path) -> None:
    """Later epochs and stages belong to another run."""
    curve = Curve(tmp_path)
    for point in (Point(1, 1, 2.5), Point(1, 2, 2.0), Point(2, 1, 1.5)):
        curve.record(point)
    curve.record(Point(1, 1, 2.4))
    assert curve.points == [Point(1, 1, 2.4)]


def test_what_was_found_before_the_training_is_its_first_point(tmp_path: Path) -> None:
    """It has no loss, is drawn, and is there when the training is resumed."""
    curve = Curve(tmp_path)
    for point in (Point(1, 0, None, 97.0), Point(1, 1, 2.5), Point(1, 2, 2.0, 100.0)):
        curve.record(point)
    assert (tmp_path / "curve.tsv").read_text().splitlines()[1] == "1\t0\t\t97.0\t\t"
    resumed = Curve(tmp_path)
    assert (resumed.before, resumed.points) == (97.0, curve.points)
    resumed.restart()
    resumed.record(Point(1, 1, 2.5))
    assert resumed.before is None


def test_a_curve_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """It had only R@10."""
    (tmp_path / "curve.tsv").write_text("stage\tepoch\tloss\trecall_at_10\n1\t1\t2.5\t12.5\n")
    assert Curve(tmp_path).points == [Point(1, 1, 2.5, 12.5)]
