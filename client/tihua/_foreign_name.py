"""Names of files in another encoding than UTF-8, such as those of a zip archive made on Windows.

Python reads a byte that is not UTF-8 as a lone surrogate (PEP 383).
"""

import os
import re

from tihua._printable import printable

_ODD_BYTE = re.compile("[\udc80-\udcff]")
_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")


def is_utf8(name: str) -> bool:
    """Return whether a file's name or path is text."""
    return name.isascii() or _ODD_BYTE.search(name) is None


def legible(path: str) -> str:
    r"""Return a path to show; of a name that is not UTF-8, every byte beyond ASCII: `\xd5`.

    Some of these bytes may be letters in UTF-8 by accident. Within `$'…'` a shell takes the result.
    """
    names = path.split("/")
    return "/".join(printable(name) if is_utf8(name) else _in_bytes(name) for name in names)


def remedy(path: str) -> str:
    """Return what to do about a path that is not UTF-8."""
    reading = _gbk_reading(path)
    if reading is None:
        return "rename it"
    command = "convmv -f gbk -t utf8 -r --notest DIR"
    return f"it looks like GBK: {reading}; to rename it: {command}"


def _gbk_reading(path: str) -> str | None:
    """Return what a path says if its names that are not UTF-8 are GBK; None if they hardly are.

    They are taken for GBK if they make sense as GB18030, which contains it, and have Hanzi.
    """
    names = path.split("/")
    try:
        readings = [
            name if is_utf8(name) else os.fsencode(name).decode("gb18030") for name in names
        ]
    except UnicodeDecodeError:
        return None
    odd = "".join(reading for name, reading in zip(names, readings, strict=True) if name != reading)
    is_likely = _IDEOGRAPH.search(odd) and odd.replace("\u3000", "").isprintable()
    return "/".join(readings) if is_likely else None


def _as_gbk(name: str) -> str:
    return os.fsencode(name).decode("gb18030")


def _in_bytes(name: str) -> str:
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and chr(byte) not in "\\'" else f"\\x{byte:02x}"
        for byte in os.fsencode(name)
    )
