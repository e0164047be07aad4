"""The same torch module behind mosec 0.9.8: bf16, tokens trimmed, dynamic batching.

mosec reads its own flags (`--address`, `--port`, `--timeout`); ours come as variables. Pictures are
decoded with their batch, in the process that runs the model; otherwise pixels would have to travel
between processes.
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from mosec import Runtime, Server, Worker

from bench.peers.torch_network import TorchNetwork

MODEL, WEIGHTS, THREADS, WORKERS = (
    f"BENCH_{name}" for name in ("MODEL", "WEIGHTS", "THREADS", "WORKERS")
)
"""Environment variables: the network's, and the number of processes per route."""

MAX_BATCH_SIZE = 32

MAX_WAIT_MS = 1
"""How long a batch waits to fill: the minimum, because a lone query waits as well."""


class _Raw(Worker):  # type: ignore[misc]  # mosec is an optional install
    """Passes bytes through unchanged."""

    def __init__(self) -> None:
        super().__init__()
        self._network = TorchNetwork(
            os.environ[MODEL],
            Path(os.environ[WEIGHTS]),
            threads=int(os.environ[THREADS]),
            is_bf16=True,
            is_trimmed=True,
        )

    def deserialize(self, data: bytes) -> bytes:
        return data

    def serialize(self, data: bytes) -> bytes:
        return data


class TextWorker(_Raw):
    """Embeds batches of texts."""

    def forward(self, data: Sequence[bytes]) -> list[bytes]:
        """Return one embedding per text."""
        return self._network.embed_texts([text.decode() for text in data])


class ImageWorker(_Raw):
    """Embeds batches of picture files."""

    def forward(self, data: Sequence[bytes]) -> list[bytes]:
        """Return one embedding per picture."""
        return self._network.embed_images(data)


def main() -> None:
    """Serve until a signal, or until standard input ends, because the caller is gone then."""

    def stop_with_caller() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop_with_caller, daemon=True).start()
    server = Server()
    server.register_runtime(
        {
            route: [
                Runtime(
                    worker,
                    num=int(os.environ[WORKERS]),
                    max_batch_size=MAX_BATCH_SIZE,
                    max_wait_time=MAX_WAIT_MS,
                    timeout=60,
                )
            ]
            for route, worker in (("/text", TextWorker), ("/image", ImageWorker))
        }
    )
    server.run()


if __name__ == "__main__":
    main()
