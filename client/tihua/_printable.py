r"""Text from elsewhere, made safe to show: on a terminal, in JSON, under a picture.

An id, a file name or a server's message may hold escape sequences that clear a screen or retitle a
window, line breaks that fake a second row, overrides that turn the reading direction, or characters
that nobody sees, so that two names look the same. Each such character is shown as its escape
(`\x1b`, `\u200b`); every other one, 字 or emoji, stays as it is.
"""

import json
import re

_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
"""Control characters, line and paragraph separators, lone surrogates."""

_BIDI_CONTROLS = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Bidi_Control of Unicode (PropList.txt): they reorder what stands around them."""

_INVISIBLE = r"\u00ad\u180e\u200b\u200c\u2060-\u2064\ufeff"
"""They have no width and no look: soft hyphen, zero width space, byte order mark and the like."""

_SYMBOLS = r"\u2190-\u2bff\U0001f000-\U0001faff"
"""Where emoji are; ZERO WIDTH JOINER makes one of several, and is invisible anywhere else."""

_UNSAFE = re.compile(
    rf"[{_CONTROLS}{_BIDI_CONTROLS}{_INVISIBLE}]"
    rf"|(?<![{_SYMBOLS}\ufe0f])\u200d|\u200d(?![{_SYMBOLS}])"
)

_BLANKS = r"\u00a0\u2000-\u200a\u3000"
"""Wide and unbreakable spaces."""

# A run is tried from its first blank alone: from each of them, a long one would take minutes.
_OUTER_BLANKS = re.compile(rf"\A[{_BLANKS}]+|(?<![{_BLANKS}])[{_BLANKS}]+\Z")
"""Blanks where they have nothing to part."""


def printable(text: str) -> str:
    r"""Return the text on one line, with every unsafe or invisible character as its escape.

    A byte that is not UTF-8, which Python reads as a lone surrogate, is shown as the byte: `\xd5`.
    """
    if text.isprintable():  # no control, format, surrogate or separator character at all
        return text
    return _OUTER_BLANKS.sub(_escaped, _UNSAFE.sub(_escaped, text))


def one_line(text: str) -> str:
    """Return the text as one printable line, each run of white space as one space."""
    return printable(" ".join(text.split()))


def json_line(value: object, *, is_ascii: bool = False) -> str:
    """Return a value as JSON on one line, unsafe characters escaped; 字 as 字 unless in ASCII."""
    text = json.dumps(value, ensure_ascii=is_ascii, allow_nan=False)
    # Outside of strings JSON has ASCII only, so every unsafe character is inside of one.
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(found: re.Match[str]) -> str:
    return "".join(map(_escape, found[0]))


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # PEP 383: a byte that could not be decoded
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
