"""libtiff, which Pillow reads TIFFs with, and which prints what it finds wrong with them."""

import ctypes
from pathlib import Path

_MAPS = Path("/proc/self/maps")
"""Where Linux tells which files are loaded."""


def silence_libtiff() -> None:
    """Have it print nothing: its lines are not those of the log, and the picture's error tells.

    On Linux, for whichever libtiff Pillow has loaded; elsewhere it goes on printing.
    """
    from PIL import Image  # noqa: F401  # loads it, which --help need not wait for

    if not _MAPS.exists():
        return
    lines = _MAPS.read_text(encoding="utf-8", errors="replace").splitlines()
    for path in {line.split(maxsplit=5)[-1] for line in lines if "/libtiff" in line}:
        ctypes.CDLL(path).TIFFSetErrorHandler(ctypes.c_void_p(None))
