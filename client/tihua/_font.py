"""Draws text on pictures, with glyphs for as many characters as possible, above all Chinese.

Needs Pillow, and a font with Chinese: that of the extra `sheet`, or the file that the environment
variable TIHUA_FONT names. A character that no font has is drawn as a box of a character's width.
"""

import functools
import importlib
import os
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Literal

from PIL import ImageDraw, ImageFont

from tihua._line_breaks import line_end

_PACKAGE = "pylopdf_fonts_zh_cn"
"""Contains Noto Serif SC and Noto Sans SC (SIL Open Font License 1.1)."""

_NO_CHARACTER = "\U0010fffe"
"""A noncharacter, which every font draws with its mark for a missing glyph."""

_ELLIPSIS = "…"
_BOX = "□"

Style = Literal["serif", "sans"]


class Face:
    """One size of a typeface, with the other typeface as fallback.

    Args:
        style: serif for the inscription, sans for small text.
        size_px: side of the em square, in pixels.

    Raises:
        OSError: TIHUA_FONT does not name a font.
        ModuleNotFoundError: there is neither TIHUA_FONT nor the fonts of the extra `sheet`.
    """

    def __init__(self, style: Style, size_px: int) -> None:
        self.size_px = size_px
        self._fonts = [_load(path, size_px) for path in _font_paths(style)]
        self._missing = [_bitmap(font, _NO_CHARACTER) for font in self._fonts]
        self._placed = functools.cache(self._find)
        self._advance = functools.cache(self._measured)

    def width(self, text: str) -> float:
        """Return the width of a line of text, in pixels."""
        return sum(map(self._advance, unicodedata.normalize("NFC", text)))

    def fits(self, parts: Iterable[str], width_px: float) -> bool:
        """Return whether each part of a text fits on a line of `width_px`."""
        return all(self.width(part.strip()) <= width_px for part in parts)

    def draw(
        self, canvas: ImageDraw.ImageDraw, xy: tuple[float, float], text: str, color: str
    ) -> None:
        """Draw a line of text whose baseline starts at `xy`."""
        x, y = xy
        for font, run in self._runs(text):
            canvas.text((round(x), round(y)), run, fill=color, font=font, anchor="ls")
            x += font.getlength(run)

    def draw_centered(
        self, canvas: ImageDraw.ImageDraw, xy: tuple[float, float], character: str, color: str
    ) -> None:
        """Draw one character in the middle of an em square whose centre is `xy`."""
        for font, run in self._runs(character):
            left, top, right, bottom = font.getbbox(run, anchor="ls")
            x = xy[0] - font.getlength(run) / 2
            # A full-width character keeps its designer's place in the em square; a lower-case
            # letter or a digit is centred by its ink.
            y = xy[1] + self.size_px * 0.38
            if font.getlength(run) < self.size_px * 0.9:
                y = xy[1] - (top + bottom) / 2
                x = xy[0] - (left + right) / 2
            canvas.text((round(x), round(y)), run, fill=color, font=font, anchor="ls")

    def shortened(self, text: str, width_px: float) -> str:
        """Return the text, its end replaced by an ellipsis if it is wider than `width_px`."""
        if self._fitting(text, width_px) == len(text):
            return text
        end = self._fitting(text, width_px - self._advance(_ELLIPSIS))
        return text[:end].rstrip() + _ELLIPSIS

    def abridged(self, text: str, width_px: float) -> str:
        """Return the text, its middle replaced by an ellipsis if it is wider than `width_px`."""
        if self._fitting(text, width_px) == len(text):
            return text
        room = width_px - self._advance(_ELLIPSIS)
        tail = text[len(text) - self._fitting(text[::-1], room / 2) :]
        head = text[: self._fitting(text, room - self.width(tail))]
        return head.rstrip() + _ELLIPSIS + tail.lstrip()

    def wrapped(self, text: str, width_px: float, max_lines: int) -> list[str]:
        """Return the text in lines of at most `width_px`; the last line is cut if need be."""
        lines: list[str] = []
        rest = " ".join(text.split())
        while rest and len(lines) < max_lines - 1:
            end = line_end(rest, max(1, self._fitting(rest, width_px)))
            lines.append(rest[:end].strip())
            rest = rest[end:].strip()
        return [*lines, self.shortened(rest, width_px)] if rest else lines

    def _fitting(self, text: str, width_px: float) -> int:
        """Return how many characters from the beginning fit, measuring no more than needed."""
        width = 0.0
        for index, character in enumerate(text):
            width += self._advance(character)
            if width > width_px:
                return index
        return len(text)

    def _measured(self, character: str) -> float:
        index, shown = self._placed(character)
        return self._fonts[index].getlength(shown)

    def _runs(self, text: str) -> Iterator[tuple[ImageFont.FreeTypeFont, str]]:
        """Yield the text in runs, each with the font that has all its characters."""
        placed = [self._placed(character) for character in unicodedata.normalize("NFC", text)]
        for index, run in groupby(placed, key=lambda pair: pair[0]):
            yield self._fonts[index], "".join(part for _, part in run)

    def _find(self, character: str) -> tuple[int, str]:
        """Return the index of the font for a character, and the character to draw with it."""
        for index, (font, missing) in enumerate(zip(self._fonts, self._missing, strict=True)):
            if _bitmap(font, character) != missing:
                return index, character
        if unicodedata.category(character) in {"Cf", "Mn", "Me"}:
            return 0, ""  # it joins or modifies its neighbours, which are drawn without it
        return self._placed(_BOX) if character != _BOX else (0, _BOX)


def _font_paths(style: Style) -> list[Path]:
    """Return the fonts to try for each character, best first."""
    own = os.environ.get("TIHUA_FONT")
    paths = [Path(own)] if own else []
    try:
        package = importlib.import_module(_PACKAGE)
    except ModuleNotFoundError:
        if own:
            return paths
        raise
    bundled: dict[Style, Path] = {"serif": package.serif_path(), "sans": package.sans_path()}
    other: Style = "sans" if style == "serif" else "serif"
    return [*paths, bundled[style], bundled[other]]


def _load(path: Path, size_px: int) -> ImageFont.FreeTypeFont:
    try:
        # Every build of Pillow has the basic layout: the same pixels everywhere.
        return ImageFont.truetype(path, size_px, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise OSError(
            f"{path} can't be read as a font; TIHUA_FONT must name a .ttf, .otf or .ttc file"
        ) from error


def _bitmap(font: ImageFont.FreeTypeFont, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)
