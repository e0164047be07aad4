"""A query of the command line: checked, as weighted terms, and with a label."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

import tihua
from tihua.cli._stdin import STDIN, picture_bytes, with_stdin


@dataclass(frozen=True, slots=True)
class Weights:
    """The weight of each part of a composed query; None means 1."""

    text: float | None = None
    image: float | None = None
    item: float | None = None


@dataclass(frozen=True, slots=True)
class CommandQuery:
    """A text, a picture, an item, or several of these.

    Attributes:
        text: a text, or None.
        image: a picture, by its path or as the bytes of the file, or None.
        item_id: an item of the collection, or None.
        weights: the weights of the parts.
    """

    text: str | None = None
    image: Path | bytes | None = None
    item_id: str | None = None
    weights: Weights = Weights()

    @property
    def label(self) -> str:
        """The query for people, on one line."""
        picture = self.image.name if isinstance(self.image, Path) else self.image and STDIN
        parts = (self.text, picture, self.item_id)
        return " + ".join(part for part in parts if part)

    @property
    def file_bytes(self) -> int:
        """The size of the picture that is sent with the query; 0 without one.

        Raises:
            OSError: the file is gone.
        """
        return 0 if self.image is None else picture_bytes(self.image)

    def terms(self) -> tuple[tihua.Term, ...]:
        """Return the parts of the query, each with its weight."""
        return tuple(self._terms())

    def _terms(self) -> Iterator[tihua.Term]:
        if self.text is not None:
            yield tihua.Term(text=self.text, weight=_weight(self.weights.text))
        if self.image is not None:
            yield tihua.Term(image=self.image, weight=_weight(self.weights.image))
        if self.item_id is not None:
            yield tihua.Term(item_id=self.item_id, weight=_weight(self.weights.item))


def command_queries(
    text: str | None, image: Path | bytes | None, item_id: str | None, weights: Weights
) -> list[CommandQuery]:
    """Return the query, or a query for each line of stdin if the text is `-`.

    Raises:
        click.UsageError: there is no query, or a weight without its part.
    """
    _require_weighted(text, image, item_id, weights)
    if text == "-":
        texts = with_stdin(["-"])
        if not texts:
            raise click.UsageError("stdin has no query: give one per line")
        return [CommandQuery(line, image, item_id, weights) for line in texts]
    if text is None and image is None and item_id is None:
        raise click.UsageError(
            "nothing to search for: give TEXT, --image or --item (see tihua search --help)"
        )
    return [CommandQuery(text, image, item_id, weights)]


def _require_weighted(
    text: str | None, image: Path | bytes | None, item_id: str | None, weights: Weights
) -> None:
    """Refuse a weight whose part is not in the query, because it would have no effect.

    Raises:
        click.UsageError: there is such a weight.
    """
    for weight, option, part, name in (
        (weights.text, "--text-weight", text, "TEXT"),
        (weights.image, "--image-weight", image, "--image"),
        (weights.item, "--item-weight", item_id, "--item"),
    ):
        if weight is not None and part is None:
            raise click.UsageError(f"{option} {weight:g} needs {name}: give both, or neither")


def _weight(weight: float | None) -> float:
    return 1.0 if weight is None else weight
