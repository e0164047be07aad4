"""An HTML page of hits: one file that loads nothing but the pictures themselves.

All text from outside is escaped, and a policy in the page forbids scripts. Only local files are
shown, and only `http:` and `https:` addresses become links.
"""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from tihua._exhibit import Exhibit, Piece
from tihua._printable import one_line, printable

_STYLE = """
:root { --paper: #f4eee1; --mat: #fbf8f0; --rule: #d9cfbb; --ink: #2f2a24; --muted: #857a6c;
  --cinnabar: #a8392b; color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 4rem 4rem 2.5rem; max-width: 100rem; background: var(--paper);
  color: var(--ink); font: 0.9rem/1.5 "Noto Sans SC", "Source Han Sans SC", "PingFang SC",
  "Microsoft YaHei", system-ui, sans-serif; line-break: strict; }
section { display: flex; gap: 3.5rem; padding-bottom: 3rem; }
section + section { border-top: 1px solid var(--rule); padding-top: 3rem; }
ol { flex: 1; display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr));
  gap: 1.6rem; align-content: start; list-style: none; margin: 0; padding: 0; }
li { min-width: 0; }
.mat { display: flex; align-items: center; justify-content: center; aspect-ratio: 1;
  padding: 0.6rem; background: var(--mat); border: 1px solid var(--rule); color: var(--muted);
  text-align: center; overflow-wrap: anywhere; overflow: hidden; text-decoration: none; }
.mat img { width: 100%; height: 100%; object-fit: contain; }
.name { margin-top: 0.6rem; overflow-wrap: anywhere; }
.score { color: var(--muted); font-size: 0.8rem; font-variant-numeric: tabular-nums; }
.score b { color: var(--cinnabar); font-weight: normal; margin-right: 0.6em; }
header { flex: none; width: 10.5rem; display: flex; flex-direction: column; gap: 1.5rem;
  align-items: flex-start; }
header .mat { width: 100%; aspect-ratio: 1; }
h1 { margin: 0; font: 2.1rem/1.35 "Noto Serif SC", "Source Han Serif SC", "Songti SC", STSong,
  SimSun, serif; overflow-wrap: anywhere; max-width: 100%; text-wrap: pretty; }
h1.vertical { writing-mode: vertical-rl; letter-spacing: 0.1em; max-height: 36rem;
  max-width: none; white-space: pre-line; }
header.vertical { align-items: flex-end; }
.seal { writing-mode: vertical-rl; background: var(--cinnabar); color: var(--mat);
  font: 1.15rem/1 "Noto Serif SC", "Source Han Serif SC", "Songti SC", SimSun, serif;
  padding: 0.35rem 0.75rem; border-radius: 0.35rem; }
.none, footer { color: var(--muted); }
.none { flex: 1; }
@media (max-width: 50rem) {
  body { padding: 2rem 1.2rem; }
  section { flex-direction: column-reverse; gap: 2rem; }
  header.vertical { align-self: flex-end; }
}
"""

_VERTICAL_SIZES_REM = (2.9, 2.2, 1.75, 1.4, 1.1)
_COLUMN_REM = 36
_COLUMNS_REM = 12
"""Maximum height and width of vertical writing, as in the style."""

_POLICY = "default-src 'none'; img-src file:; style-src 'unsafe-inline'"


def page(exhibits: Sequence[Exhibit], *, footer: str = "") -> str:
    """Return an HTML page of one or more queries, below each other.

    Args:
        exhibits: 1 or more.
        footer: a small line at the bottom.
    """
    title = _text(one_line(next((exhibit.text for exhibit in exhibits if exhibit.text), "tihua")))
    sections = "".join(_section(exhibit) for exhibit in exhibits)
    return (
        "<!DOCTYPE html>\n"
        '<html lang="zh-Hans">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"{sections}<footer>{_text(footer)}</footer>\n</body>\n</html>\n"
    )


def _section(exhibit: Exhibit) -> str:
    pieces = "".join(_piece(piece, rank) for rank, piece in enumerate(exhibit.pieces, start=1))
    grid = f"<ol>\n{pieces}</ol>" if pieces else '<p class="none">no hits</p>'
    direction = ' class="vertical"' if exhibit.is_vertical else ""
    size = f' style="font-size: {_size_rem(exhibit.lines)}rem"' if exhibit.is_vertical else ""
    parts = []
    if exhibit.picture is not None:
        parts.append(_picture(exhibit.picture, _text(exhibit.picture.name)))
    if exhibit.text:
        lines = exhibit.lines if exhibit.is_vertical else [one_line(exhibit.text)]
        text = "\n".join(_text(line) for line in lines)
        parts.append(f"<h1{direction}{size}>{text}</h1>")
    parts.append('<span class="seal">题画</span>')
    return f"<section>\n{grid}\n<header{direction}>{''.join(parts)}</header>\n</section>\n"


def _size_rem(lines: Sequence[str]) -> float:
    """Return the largest size in which the columns fit beside the pictures, in rem."""
    for size in _VERTICAL_SIZES_REM:
        columns = sum(math.ceil(len(line) * 1.1 * size / _COLUMN_REM) for line in lines)
        if columns * 1.35 * size <= _COLUMNS_REM:
            break
    return size


def _piece(piece: Piece, rank: int) -> str:
    name = _text(piece.name)
    if piece.path is not None:
        picture = _picture(piece.path, name)
    elif _scheme(piece.uri) in {"http", "https"}:
        address = escape(piece.uri, quote=True)
        picture = f'<a class="mat" href="{address}" rel="noreferrer noopener">{name}</a>'
    else:
        picture = f'<div class="mat">{name}</div>'
    return (
        f'<li>{picture}<div class="name" title="{name}">{name}</div>'
        f'<div class="score"><b>{rank}</b>{piece.score:.3f}</div></li>\n'
    )


def _picture(path: Path, name: str) -> str:
    """Return a picture that opens when clicked; if it can't be shown, its escaped `name` is."""
    address = escape(path.absolute().as_uri(), quote=True)
    image = f'<img src="{address}" alt="{name}" loading="lazy">'
    return f'<a class="mat" href="{address}">{image}</a>'


def _text(text: str) -> str:
    return escape(printable(text), quote=True)


def _scheme(uri: str) -> str:
    try:
        return urlsplit(uri).scheme
    except ValueError:  # such as an unclosed bracket: "http://["
        return ""
