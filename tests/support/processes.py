"""The two programs as processes: a server that a test may kill, and the command line."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GALLERY = Path(__file__).parents[2] / "server" / "tihua_server" / "gallery"


@dataclass
class ServerProcess:
    """A server process, and what it logs."""

    process: "subprocess.Popen[str]"
    address: str = ""
    log: list[dict[str, Any]] = field(default_factory=list)

    def read_log(self, is_serving: threading.Event) -> None:
        """Collect the log until the process ends; tell when it serves."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                entry = json.loads(line)
            except ValueError:
                entry = {"event": line.rstrip()}
            self.log.append(entry)
            if entry.get("event") == "serving":
                self.address = entry["address"]
                is_serving.set()
        is_serving.set()


@contextlib.contextmanager
def running(data_dir: Path, *flags: str) -> Iterator[ServerProcess]:
    """Start a server, wait until it serves, and stop it in the end."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("TIHUA_")
    }
    command = [sys.executable, "-m", "tihua_server", "--port", "0", "--data-dir", str(data_dir)]
    command += ["--log-format", "json", *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        server = ServerProcess(process)
        is_serving = threading.Event()
        reader = threading.Thread(target=server.read_log, args=[is_serving])
        reader.start()
        try:
            assert is_serving.wait(120)
            assert server.address, f"the server did not start: {server.log}"
            yield server
        finally:
            process.terminate()
            process.wait(60)
            reader.join()


def run_tihua(
    *arguments: str | Path, address: str, stdin: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run the `tihua` command as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "tihua", *map(str, arguments)],
        env={**os.environ, "TIHUA_ADDRESS": address},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
