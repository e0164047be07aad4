r"""Text from elsewhere, made safe to show: on a terminal, in JSON, under a picture.

An id, a file name or a server's message may hold escape sequences that clear a screen or retitle a
window, line breaks that fake a second row, or overrides that turn the reading direction. Each such
character is shown as its escape (`\x1b`); every other one, 字 or emoji, stays as it is.
"""

import json
import unicodedata

_UNSAFE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, lone surrogates, line and paragraph separators."""

_BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""Bidi_Control of Unicode (PropList.txt): they reorder what stands around them."""


def printable(text: str) -> str:
    """Return the text on one line, with every unsafe character as its escape."""
    if text.isprintable():  # no control, format, surrogate or separator character at all
        return text
    return "".join(_escape(character) if _is_unsafe(character) else character for character in text)


def one_line(text: str) -> str:
    """Return the text as one printable line, each run of white space as one space."""
    return printable(" ".join(text.split()))


def json_line(value: object, *, is_ascii: bool = False) -> str:
    """Return a value as JSON on one line, unsafe characters escaped; 字 as 字 unless in ASCII."""
    text = json.dumps(value, ensure_ascii=is_ascii, allow_nan=False)
    # Outside of strings JSON has ASCII only, so every unsafe character is inside of one.
    return "".join(
        f"\\u{ord(character):04x}" if _is_unsafe(character) else character for character in text
    )


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in _UNSAFE_CATEGORIES or character in _BIDI_CONTROLS


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
