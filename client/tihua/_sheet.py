"""A contact sheet: hits as rows of pictures, the query beside them like a poem on a painting.

Needs Pillow and fonts (the extra `sheet`). The same hits give the same pixels on every machine.
"""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from tihua._exhibit import Exhibit, Piece
from tihua._font import Face
from tihua._line_breaks import broken, unbroken
from tihua._printable import one_line, printable
from tihua._thumbnail import thumbnail

MAX_PIXELS = 100_000_000
"""Maximum width times height of a sheet: 400 MB of memory, and some 50 queries of 10 hits."""

_PAPER = "#f4eee1"
_MAT = "#fbf8f0"
_RULE = "#d9cfbb"
_INK = "#2f2a24"
_MUTED = "#94887a"
_CINNABAR = "#a8392b"

_MARGIN_PX = 76
_TILE_PX = 300
_CAPTION_PX = 78
_ROW_PX = _TILE_PX + _CAPTION_PX
_GAP_PX = 28
_GUTTER_PX = 60
_INSCRIPTION_PX = 216
_PICTURE_GAP_PX = 40
_SECTION_GAP_PX = 72
_FOOTER_PX = 20
_MAT_BORDER_PX = 10

_INSCRIPTION_SIZES_PX = (64, 58, 52, 46, 40, 34, 30)
_SMALL_SIZES_PX = (26, 22, 20)
"""For texts that don't fit in the others, such as a poem of eight lines."""
_PITCH = 1.14
"""Distance of the characters in a column, in font sizes."""
_LEADING = 1.5
_SMALL_LEADING = 1.4
"""Distance of the columns, in font sizes."""
_LINE_HEIGHT = 1.3
"""Distance of the lines, in font sizes."""
_SEAL = 0.96
"""Side of the seal, in font sizes."""

_VERTICAL_FORMS = str.maketrans("（）《》〈〉「」『』“”‘’—…", "︵︶︽︾︿﹀﹁﹂﹃﹄﹃﹄﹁﹂︱︙")
"""The vertical forms of punctuation (Unicode, CJK Compatibility Forms)."""


def draw_sheet(exhibits: Sequence[Exhibit], *, footer: str = "") -> Image.Image:
    """Return the contact sheet of one or more queries, below each other.

    Pictures are read from local files; one that can't be read becomes a blank tile with its name.

    Args:
        exhibits: 1 or more.
        footer: a small line at the bottom.

    Returns:
        RGB, 2 000 pixels wide or more.

    Raises:
        OSError: TIHUA_FONT does not name a font.
        ModuleNotFoundError: there is no font for Chinese.
        SheetTooLargeError: it would have more than `MAX_PIXELS`.
    """
    most = max(len(exhibit.pieces) for exhibit in exhibits)
    columns = 5 if most <= 25 else 8 if most <= 64 else 10
    heights = [_section_height(exhibit, columns) for exhibit in exhibits]
    grid_px = columns * (_TILE_PX + _GAP_PX) - _GAP_PX
    width = 2 * _MARGIN_PX + grid_px + _GUTTER_PX + _INSCRIPTION_PX
    height = 2 * _MARGIN_PX + sum(heights) + _SECTION_GAP_PX * (len(heights) - 1) + _FOOTER_PX
    if width * height > MAX_PIXELS:
        raise SheetTooLargeError(
            f"the sheet would be {width}×{height} pixels; the limit is {MAX_PIXELS} in all"
        )
    brush = _Brush(Image.new("RGB", (width, height), _PAPER))
    top = _MARGIN_PX
    for exhibit, section_height in zip(exhibits, heights, strict=True):
        if top > _MARGIN_PX:
            brush.rule(_MARGIN_PX, width - _MARGIN_PX, top - _SECTION_GAP_PX // 2)
        for index, piece in enumerate(exhibit.pieces):
            row, column = divmod(index, columns)
            x = _MARGIN_PX + column * (_TILE_PX + _GAP_PX)
            brush.piece(piece, index + 1, x, top + row * (_ROW_PX + _GAP_PX))
        if not exhibit.pieces:
            brush.note("no hits", _MARGIN_PX, top + _TILE_PX // 2)
        brush.query(exhibit, width - _MARGIN_PX - _INSCRIPTION_PX, top, section_height)
        top += section_height + _SECTION_GAP_PX
    brush.note(footer, _MARGIN_PX, height - _MARGIN_PX + _FOOTER_PX)
    return brush.image


def _section_height(exhibit: Exhibit, columns: int) -> int:
    rows = max(1, -(-len(exhibit.pieces) // columns))
    height = rows * (_ROW_PX + _GAP_PX) - _GAP_PX
    if exhibit.picture is not None and exhibit.text:
        return max(height, _INSCRIPTION_PX + _PICTURE_GAP_PX + _TILE_PX)
    return height


class SheetTooLargeError(ValueError):
    """A sheet would have more than `MAX_PIXELS`; the message has its size."""


class _Brush:
    """Draws the parts of a sheet onto its image."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self._canvas = ImageDraw.Draw(image)
        self._name = Face("sans", 22)
        self._small = Face("sans", 19)
        self._inscription = [Face("serif", size) for size in _INSCRIPTION_SIZES_PX]
        self._small_inscription = [Face("serif", size) for size in _SMALL_SIZES_PX]

    def rule(self, left: int, right: int, y: int) -> None:
        """Draw a hairline between two queries."""
        self._canvas.line((left, y, right, y), _RULE, 1)

    def note(self, text: str, x: int, y: int) -> None:
        """Write a small muted line."""
        room = self.image.width - x - _MARGIN_PX
        self._small.draw(self._canvas, (x, y), self._small.shortened(text, room), _MUTED)

    def piece(self, piece: Piece, rank: int, x: int, y: int) -> None:
        """Draw one hit with its name, rank and score."""
        name = printable(piece.name)
        self._tile(piece.path, name, x, y, _TILE_PX)
        baseline = y + _TILE_PX + 34
        caption = self._name.abridged(name, _TILE_PX)
        self._name.draw(self._canvas, (x, baseline), caption, _INK)
        self._small.draw(self._canvas, (x, baseline + 30), str(rank), _CINNABAR)
        after = x + self._small.width(str(rank)) + 14
        self._small.draw(self._canvas, (after, baseline + 30), f"{piece.score:.3f}", _MUTED)

    def query(self, exhibit: Exhibit, left: int, top: int, height: int) -> None:
        """Draw the query: its picture, its text as large as fits, and the seal at its end."""
        right = left + _INSCRIPTION_PX
        if exhibit.picture is not None:
            self._tile(exhibit.picture, exhibit.picture.name, left, top, _INSCRIPTION_PX)
            top += _INSCRIPTION_PX + _PICTURE_GAP_PX
            height -= _INSCRIPTION_PX + _PICTURE_GAP_PX
        if not exhibit.text:
            side = round(self._inscription[0].size_px * _SEAL)
            self._press_seal(right - side, top - _PICTURE_GAP_PX // 4, side)
        elif exhibit.is_vertical:
            self._write_columns(exhibit.lines, right, top, height)
        else:
            self._write_lines(one_line(exhibit.text), left, top, height)

    def _tile(self, path: Path | None, name: str, x: int, y: int, side: int) -> None:
        """Draw a picture in the middle of a square mat, or its name if it can't be read."""
        box = (x, y, x + side - 1, y + side - 1)
        self._canvas.rectangle(box, fill=_MAT, outline=_RULE, width=1)
        inner = side - 2 * _MAT_BORDER_PX
        picture = None if path is None else thumbnail(path, inner, _MAT)
        if picture is not None:
            corner = (x + (side - picture.width) // 2, y + (side - picture.height) // 2)
            self.image.paste(picture, corner)
            return
        lines = self._small.wrapped(printable(name), inner - 40, 3)
        baseline = y + side / 2 - 13 * len(lines) + 20
        for line in lines:
            indent = (side - self._small.width(line)) / 2
            self._small.draw(self._canvas, (x + indent, baseline), line, _MUTED)
            baseline += 27

    def _write_columns(self, lines: Sequence[str], right: int, top: int, height: int) -> None:
        """Write columns from right to left, with the seal under the last."""
        face, columns = self._columns(lines, height)
        x, y = float(right), float(top)
        for number, column in enumerate(columns):
            x = right - face.size_px * (0.5 + number * _leading(face))
            for row, character in enumerate(column.translate(_VERTICAL_FORMS)):
                y = top + face.size_px * (0.5 + row * _PITCH)
                face.draw_centered(self._canvas, (x, y), character, _INK)
        side = round(face.size_px * _SEAL)
        self._press_seal(x - side / 2, y + face.size_px, side)

    def _columns(self, lines: Sequence[str], height: int) -> tuple[Face, list[str]]:
        """Return the largest face in which each line is one column, or else all columns fit."""
        for faces in (self._inscription, self._small_inscription):
            for longest in (max(map(len, lines)), 1):
                for face in faces:
                    room = height / face.size_px - 0.5 - _SEAL
                    rows = max(1, int((room - 1) / _PITCH + 1))
                    columns = [column for line in lines for column in broken(line, rows)]
                    fitting = int((_INSCRIPTION_PX / face.size_px - 1) / _leading(face) + 1)
                    if longest <= rows and len(columns) <= fitting:
                        return face, columns
        return face, [*columns[: fitting - 1], columns[fitting - 1][: rows - 1] + "…"]

    def _write_lines(self, text: str, left: int, top: int, height: int) -> None:
        """Write lines from left to right, with the seal under the last."""
        parts = unbroken(text)
        for face in (*self._inscription[2:], *self._small_inscription):
            line_px = face.size_px * _LINE_HEIGHT
            room = height - face.size_px * (0.6 + _SEAL)
            lines = face.wrapped(text, _INSCRIPTION_PX, max(1, int(room / line_px)))
            is_whole = "".join(lines).replace(" ", "") == text.replace(" ", "")
            has_lone = any(len(line) == 1 for line in lines[:-1])
            if is_whole and not has_lone and face.fits(parts, _INSCRIPTION_PX):
                break
        for number, line in enumerate(lines):
            baseline = top + face.size_px * 0.9 + number * line_px
            face.draw(self._canvas, (left, baseline), line, _INK)
        side = round(face.size_px * _SEAL)
        self._press_seal(left, top + len(lines) * line_px + face.size_px * 0.4, side)

    def _press_seal(self, left: float, top: float, side: int) -> None:
        """Draw the seal 题画, white on cinnabar."""
        x, y = round(left), round(top)
        box = (x, y, x + side - 1, y + side - 1)
        self._canvas.rounded_rectangle(box, radius=side // 8, fill=_CINNABAR)
        face = Face("serif", round(side * 0.42))
        for row, character in enumerate("题画"):
            center = (x + side / 2, y + side * (0.29 + 0.42 * row))
            face.draw_centered(self._canvas, center, character, _MAT)


def _leading(face: Face) -> float:
    """Return the distance of the columns, in font sizes."""
    return _SMALL_LEADING if face.size_px in _SMALL_SIZES_PX else _LEADING
