"""Writes tables of captions."""

from pathlib import Path

HEADER = "image\tcaption\n"


def write_table(folder: Path, content: str | bytes) -> None:
    """Write captions.tsv; text is encoded as UTF-8."""
    encoded = content.encode() if isinstance(content, str) else content
    (folder / "captions.tsv").write_bytes(encoded)
