"""Writes tables of captions."""

from pathlib import Path

HEADER = "image\tcaption\n"


def write_table(folder: Path, content: str | bytes) -> None:
    """Write captions.tsv as it is given, in UTF-8 if that is text."""
    encoded = content.encode() if isinstance(content, str) else content
    (folder / "captions.tsv").write_bytes(encoded)
