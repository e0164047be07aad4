r"""Text from elsewhere, made safe to show: on a terminal, in JSON, under a picture.

An id, a file name or a server's message may hold escape sequences that clear a screen or retitle a
window, line breaks that fake a second row, overrides that turn the reading direction, or characters
that nobody sees, so that two names look the same. Each such character is shown as its escape
(`\x1b`, `\u200b`); every other one, Chinese or emoji, stays as it is.
"""

import json
import re

_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
"""Control characters, line and paragraph separators, lone surrogates."""

_BIDI_CONTROLS = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Bidi_Control of Unicode (PropList.txt): they reorder what stands around them."""

_INVISIBLE = r"\u00ad\u180e\u200b\u200c\u2060-\u2064\ufeff"
"""Characters without width or shape: soft hyphen, zero width space, byte order mark and so on."""

_SYMBOLS = r"\u2190-\u2bff\U0001f000-\U0001faff"
"""The blocks of emoji. ZERO WIDTH JOINER joins several into one; it is invisible elsewhere."""

_UNSAFE = re.compile(
    rf"[{_CONTROLS}{_BIDI_CONTROLS}{_INVISIBLE}]"
    rf"|(?<![{_SYMBOLS}\ufe0f])\u200d|\u200d(?![{_SYMBOLS}])"
)

_BLANKS = r"\u00a0\u2000-\u200a\u3000"
"""Wide and no-break spaces."""

# A run is matched only from its first blank: from each of them, a long run would take minutes.
_OUTER_BLANKS = re.compile(rf"\A[{_BLANKS}]+|(?<![{_BLANKS}])[{_BLANKS}]+\Z")
"""Leading and trailing blanks, which separate nothing and are invisible."""


def printable(text: str) -> str:
    r"""Return the text on one line, with every unsafe or invisible character as its escape.

    A byte that is not UTF-8, which Python reads as a lone surrogate, is shown as the byte: `\xd5`.
    """
    if text.isprintable():  # it has no control, format, surrogate or separator character
        return text
    return _OUTER_BLANKS.sub(_escaped, _UNSAFE.sub(_escaped, text))


def one_line(text: str) -> str:
    """Return the text as one printable line, each run of white space as one space."""
    return printable(" ".join(text.split()))


def json_line(value: object, *, is_ascii: bool = False) -> str:
    """Return a value as a line of JSON, unsafe characters (`is_ascii`: all but ASCII) escaped."""
    text = json.dumps(value, ensure_ascii=is_ascii, allow_nan=False)
    # JSON outside strings is ASCII, so every unsafe character is within a string.
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(found: re.Match[str]) -> str:
    return "".join(map(_escape, found[0]))


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # PEP 383: a byte that could not be decoded
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
