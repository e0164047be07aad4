"""File names in an encoding other than UTF-8, such as those of a zip archive made on Windows.

Python decodes a byte that is not UTF-8 as a lone surrogate (PEP 383).
"""

import os
import re

from tihua._printable import printable

_ODD_BYTE = re.compile("[\udc80-\udcff]")
_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")

_WIDEST = {"GBK": "gb18030", "Big5": "cp950"}
"""Encodings of Chinese, each with Python's name of an encoding that contains it."""


def is_utf8(name: str) -> bool:
    """Return whether a file's name or path is valid UTF-8."""
    return name.isascii() or _ODD_BYTE.search(name) is None


def legible(path: str) -> str:
    r"""Return a path to show; in a name that is not UTF-8, each byte beyond ASCII as `\xd5`.

    That includes bytes that happen to be valid UTF-8. A shell accepts such a name in `$'…'`.
    """
    names = path.split("/")
    return "/".join(printable(name) if is_utf8(name) else _in_bytes(name) for name in names)


def remedy(path: str) -> str:
    """Return a hint what to do about a path that is not UTF-8.

    GBK nearly always decodes as Big5 too, and vice versa; people see which of them is right. The
    command renames nothing until `--notest` is added.
    """
    readings = {name: _reading(path, codec) for name, codec in _WIDEST.items()}
    likely = {name: reading for name, reading in readings.items() if reading is not None}
    if not likely:
        return "rename it"
    guesses = " or ".join(f"{name} ({reading})" for name, reading in likely.items())
    first, *others = map(str.lower, likely)
    command = f"convmv -f {first} -t utf8 -r DIR" + "".join(f" (or -f {name})" for name in others)
    return f"it may be {guesses}; to see the new names: {command}"


def _reading(path: str, codec: str) -> str | None:
    """Return a path with its names that are not UTF-8 decoded by an encoding of Chinese.

    Returns:
        The path; None if these names can't be decoded, have no Hanzi, or have unprintable
        characters.
    """
    names = path.split("/")
    try:
        readings = [name if is_utf8(name) else os.fsencode(name).decode(codec) for name in names]
    except UnicodeDecodeError:
        return None
    odd = "".join(reading for name, reading in zip(names, readings, strict=True) if name != reading)
    is_likely = _IDEOGRAPH.search(odd) and odd.replace("\u3000", "").isprintable()
    return "/".join(readings) if is_likely else None


def _in_bytes(name: str) -> str:
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and chr(byte) not in "\\'" else f"\\x{byte:02x}"
        for byte in os.fsencode(name)
    )
