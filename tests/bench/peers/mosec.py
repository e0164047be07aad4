"""The mosec server as a contender."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from free_port import HOST, free_port

from bench.contender import Contender, Refused
from bench.peers.http_pool import HttpPool

START_TIMEOUT_S = 180.0
END_TIMEOUT_S = 20.0


class MosecFailed(Exception):
    """The server did not start."""


class Mosec:
    """Calls the server in `mosec_server.py`."""

    def __init__(self, pool: HttpPool, name: str) -> None:
        """Call the server through `pool`."""
        self.name = name
        self._pool = pool

    async def embed_text(self, text: str) -> bytes:
        """Return the embedding of a text.

        Raises:
            Refused: there is no embedding.
        """
        return await self._pool.post("/text", text.encode())

    async def embed_image(self, image: bytes) -> bytes:
        """Return the embedding of a picture file.

        Raises:
            Refused: there is no embedding.
        """
        return await self._pool.post("/image", image)


@contextlib.asynccontextmanager
async def mosec(
    model: str, weights: Path, *, threads: int, workers: int, example: bytes
) -> AsyncIterator[Mosec]:
    """Run the server.

    Args:
        model: cn_clip's name of the architecture.
        weights: the checkpoint.
        threads: torch threads in each process.
        workers: processes per route.
        example: a picture file to probe readiness with.

    Raises:
        MosecFailed: it did not start.
    """
    port = free_port()
    environment = {
        "BENCH_MODEL": model,
        "BENCH_WEIGHTS": str(weights),
        "BENCH_THREADS": str(threads),
        "BENCH_WORKERS": str(workers),
        # Read when torch is imported: OpenMP's own default is a thread for each core.
        "OMP_NUM_THREADS": str(threads),
        "PYTHONWARNINGS": "ignore",
    }
    name = f"mosec {threads}×{workers}"
    with _process(port, environment) as process:
        async with HttpPool(HOST, port) as pool:
            contender = Mosec(pool, name)
            await ready(contender, process, example, workers)
            yield contender


@contextlib.contextmanager
def _process(port: int, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "bench.peers.mosec_server"]
    command += ["--address", HOST, "--port", str(port), "--timeout", "120000"]
    command += ["--log-level", "error"]
    with subprocess.Popen(
        command,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # Its own process group: its workers ignore signals, and must not outlive it.
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


async def ready(
    contender: Contender, process: subprocess.Popen[bytes], example: bytes, workers: int
) -> None:
    """Return when every worker answers.

    Raises:
        MosecFailed: the process ended, or the workers did not answer within `START_TIMEOUT_S`.
    """
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await _answers(contender, example, workers):
                # mosec ends once all workers of a route have.
                if process.poll() is not None:
                    raise MosecFailed(
                        f"mosec ended with status {process.returncode} before it was ready; its"
                        " output above says why"
                    )
                await asyncio.sleep(0.5)
    except TimeoutError as error:
        raise MosecFailed(f"mosec was not ready within {START_TIMEOUT_S:.0f} s") from error


async def _answers(contender: Contender, example: bytes, workers: int) -> bool:
    try:
        for _ in range(3):
            await asyncio.gather(*(contender.embed_text("夕阳西下") for _ in range(workers)))
            await asyncio.gather(*(contender.embed_image(example) for _ in range(workers)))
    except (OSError, EOFError, Refused):
        return False
    return True
