"""`tihua ingest` as a user runs it."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter


class IngestFailed(Exception):
    """`tihua ingest` ended with an error or lost a picture; the message is its output."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """The result of ingesting a folder.

    Attributes:
        written: pictures.
        seconds: duration of the stream: from the first file read to the last acknowledgement.
        wall_s: duration of the command, its start included.
        end_s: when it ended, by `perf_counter`.
    """

    written: int
    seconds: float
    wall_s: float
    end_s: float

    @property
    def rate(self) -> float:
        """Pictures a second of the stream."""
        return self.written / self.seconds


async def ingest(address: str, folder: Path, collection: str) -> Ingested:
    """Ingest a folder into a collection, which is created if it does not exist.

    Raises:
        IngestFailed: the command failed, or a picture was not written.
    """
    start_s = perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tihua", "--collection", collection, "ingest", str(folder), "--json", "--strict"),
        env={**os.environ, "TIHUA_ADDRESS": address},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    end_s = perf_counter()
    if process.returncode:
        raise IngestFailed(f"{output.decode()}{errors.decode()}")
    summary = json.loads(output.splitlines()[-1])
    return Ingested(summary["written"], summary["seconds"], end_s - start_s, end_s)
