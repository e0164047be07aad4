"""The packaged gallery."""

import csv
from pathlib import Path

import pytest
from PIL import Image
from repository import ROOT

GALLERY = ROOT / "server" / "tihua_server" / "gallery"
PICTURES = sorted(path for path in GALLERY.iterdir() if path.suffix in {".jpg", ".png", ".webp"})


def test_every_picture_is_credited() -> None:
    """NOTICE.md names each with package, author and licence."""
    notice = (GALLERY / "NOTICE.md").read_text()
    assert not [path.name for path in PICTURES if path.stem not in notice]


def test_the_gallery_is_small() -> None:
    """It travels in every wheel."""
    assert sum(path.stat().st_size for path in GALLERY.rglob("*") if path.is_file()) < 8_000_000


@pytest.mark.parametrize("path", PICTURES[::20], ids=lambda path: path.name)
def test_a_picture_opens_and_is_small(path: Path) -> None:
    """256 px on its longest side."""
    with Image.open(path) as image:
        image.load()
    assert max(image.size) <= 256


def test_the_nouns_name_pictures_that_are_there() -> None:
    """100 everyday nouns, each with the pictures that would fit."""
    with (ROOT / "tests" / "bench" / "nouns.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    names = {path.name for path in PICTURES}
    assert len(rows) == 100
    assert not [name for row in rows for name in row["pictures"].split() if name not in names]
