"""Keeps libtiff, with which Pillow reads TIFFs, from printing its own error messages."""

import ctypes
from pathlib import Path

_MAPS = Path("/proc/self/maps")
"""Where Linux lists the files that a process has mapped."""


def silence_libtiff() -> None:
    """Silence libtiff: its lines are not in the log's format, and the picture's error says enough.

    Affects the libtiff that Pillow has loaded, on Linux only.
    """
    from PIL import Image  # noqa: F401  # loads libtiff; not above, to keep --help quick

    if not _MAPS.exists():
        return
    lines = _MAPS.read_text(encoding="utf-8", errors="replace").splitlines()
    for path in {line.split(maxsplit=5)[-1] for line in lines if "/libtiff" in line}:
        ctypes.CDLL(path).TIFFSetErrorHandler(ctypes.c_void_p(None))
