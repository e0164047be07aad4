"""A server that grants little credit: a client has to wait for it in the middle of an ingest."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import ServerProcess, running
from tours import QUERY_PICTURE

CREDIT_BYTES = 2**19
"""What it lets be in flight: half of the folder. A client that has sent two thirds has waited for
credit, and read an acknowledgement before that."""


@contextmanager
def running_thrifty(data_dir: Path) -> Iterator[ServerProcess]:
    """Run such a server; its model is a fake."""
    flags = ("--max-message-bytes", str(CREDIT_BYTES))
    with running(data_dir, *flags, module="fake_server") as process:
        yield process


def bytes_until_two_thirds(folder: Path) -> int:
    """Return after how many bytes of a tour two thirds of the folder are sent."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    assert sum(sizes) * 3 // 5 > CREDIT_BYTES
    return QUERY_PICTURE.stat().st_size + sum(sizes) * 2 // 3
