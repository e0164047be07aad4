"""A query and its hits as a contact sheet and an HTML page show them."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tihua._search_types import Hit

_IDEOGRAPHS_AND_PUNCTUATION = re.compile(
    "[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # ideographs
    "\u2014\u2018\u2019\u201c\u201d\u2026\u3000-\u303f"  # — ‘ ’ “ ” … and CJK punctuation
    "\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f\\s]+"  # ！ （ ） ， ： ； ？
)

_MAX_VERTICAL_CHARACTERS = 36
_MAX_VERSES = 8
_MAX_VERSE_CHARACTERS = 8
"""A longer text reads better from left to right, unless it is a poem of up to 8 verses of up to 8
characters."""

_BREAKS = "，。、；：！？"
_CLOSING = "）」』》〉】〕”’…"


@dataclass(frozen=True, slots=True)
class Piece:
    """One hit.

    Attributes:
        name: the name under the picture.
        score: cosine similarity to the query, in [-1, 1].
        uri: where the picture can be found, as stored.
    """

    name: str
    score: float
    uri: str

    @property
    def path(self) -> Path | None:
        """The local file that `uri` names, which need not exist; None if it names none."""
        return local_path(self.uri)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One query and its hits, best first.

    Attributes:
        text: the query in words; empty if it has none.
        picture: the query's picture; None if it has none.
        pieces: the hits.
    """

    text: str
    picture: Path | None
    pieces: tuple[Piece, ...]

    @property
    def is_vertical(self) -> bool:
        """Whether the text can be written as on a painting: in columns, from right to left."""
        if _IDEOGRAPHS_AND_PUNCTUATION.fullmatch(self.text) is None or not (lines := self.lines):
            return False
        is_poem = len(lines) <= _MAX_VERSES and all(
            len(line) <= _MAX_VERSE_CHARACTERS for line in lines
        )
        return is_poem or len(self.text) <= _MAX_VERTICAL_CHARACTERS

    @property
    def lines(self) -> list[str]:
        """The lines of an inscription: the text, broken at punctuation, which is left out."""
        text = unicodedata.normalize("NFC", self.text)
        # A closing quotation mark belongs to the line that it ends: ？」 becomes 」？ first.
        # A run of breaks is matched only from its first, or a long run would take minutes.
        closed = re.sub(rf"(?<![{_BREAKS}])([{_BREAKS}]+)([{_CLOSING}]+)", r"\2\1", text)
        return [part for part in re.split(rf"[\s{_BREAKS}]+", closed) if part]


def exhibit(hits: Iterable[Hit], *, text: str = "", picture: Path | None = None) -> Exhibit:
    """Return hits as an exhibit.

    A hit is labelled with its metadata's `name`, or else with the end of its id; with its whole id
    if it has no uri, such as a text.
    """
    return Exhibit(text, picture, tuple(Piece(_name(hit), hit.score, hit.uri) for hit in hits))


def local_path(uri: str) -> Path | None:
    """Return the file that an absolute path or a `file:` URL of this machine names, or None."""
    if uri.startswith("/"):
        return None if "\0" in uri else Path(uri)
    try:
        parts = urlsplit(uri)
    except ValueError:  # such as an unclosed bracket: "file://["
        return None
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        return None
    path = unquote(parts.path)
    return Path(path) if path.startswith("/") and "\0" not in path else None


def _name(hit: Hit) -> str:
    name = hit.metadata.get("name")
    if isinstance(name, str) and name:
        return name
    return (hit.id.rsplit("/", 1)[-1] if hit.uri else "") or hit.id
