"""100 everyday nouns as queries over the packaged gallery.

nouns.tsv lists the pictures that fit each; it was written by looking at them, before any model was
measured.
"""

import csv
from pathlib import Path

from tihua_server.training.retrieval import Gallery, Query, RetrievalTask

NOUNS = Path(__file__).parents[1] / "nouns.tsv"
SUFFIXES = {".jpg", ".png", ".webp"}
EMOJI = "emoji_"
"""Prefix of the gallery's emoji, which are Noto's: the packaged model was trained on them."""


def noun_tasks(gallery: Path) -> list[RetrievalTask]:
    """Return the tasks over all pictures, and over those that are not emoji.

    Args:
        gallery: the folder of the packaged gallery.
    """
    pictures = {
        file.name: file.read_bytes()
        for file in sorted(gallery.iterdir())
        if file.suffix in SUFFIXES
    }
    return [
        _task("noun → demo gallery", Gallery("gallery", pictures)),
        _task(
            "noun → demo gallery without emoji",
            Gallery(
                "gallery-without-emoji",
                {name: file for name, file in pictures.items() if not name.startswith(EMOJI)},
            ),
        ),
    ]


def _task(name: str, gallery: Gallery) -> RetrievalTask:
    """Return the task of all nouns that have a fitting picture in the gallery."""
    with NOUNS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    queries = [
        Query(row["noun"], frozenset(row["pictures"].split()) & gallery.pictures.keys())
        for row in rows
    ]
    return RetrievalTask(name, gallery, tuple(query for query in queries if query.wanted))
