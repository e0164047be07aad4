"""The two programs as processes: a server that a test may kill, and the command line."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repository import ROOT

_INTERRUPTIBLE = """
import signal
from tihua import cli

signal.signal(signal.SIGINT, signal.default_int_handler)
cli.main()
"""

INTERRUPTIBLE = (sys.executable, "-c", _INTERRUPTIBLE)
"""The `tihua` command, which ends at Ctrl-C though the tests may run in the background, where
processes begin with SIGINT ignored."""

GALLERY = ROOT / "server" / "tihua_server" / "gallery"


def await_sleep(process: "subprocess.Popen[str]") -> None:
    """Wait until the first thread of a process sleeps, as it does while it reads from a pipe."""
    stat = Path(f"/proc/{process.pid}/stat")
    while stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "S":
        time.sleep(0.01)


class ServerFailed(AssertionError):
    """A server did not start or stop; the message has its log.

    Attributes:
        reason: of the refusal, if the server refused to start: `CONFIG`; empty if it failed.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass
class ServerProcess:
    """A server process and its log."""

    process: "subprocess.Popen[str]"
    address: str = ""
    metrics_address: str = ""
    log: list[dict[str, Any]] = field(default_factory=list)
    is_told_to_stop: bool = False

    def terminate(self) -> None:
        """Shut it down, with a single signal: a second one would end it immediately."""
        if not self.is_told_to_stop:
            self.is_told_to_stop = True
            self.process.terminate()

    def resident_bytes(self) -> int:
        """Return the memory that the process holds now (VmRSS)."""
        return self._status_bytes("VmRSS")

    def peak_bytes(self) -> int:
        """Return the most memory that the process has ever held (VmHWM)."""
        return self._status_bytes("VmHWM")

    def _status_bytes(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        [line] = [line for line in status.splitlines() if line.startswith(f"{name}:")]
        return int(line.split()[1]) * 1024

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process, on all cores together."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        # After the name, which may hold spaces: the fields from the third on (proc_pid_stat(5)).
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def has_logged(self, event: str) -> bool:
        """Return whether the log has an event that starts with `event`."""
        return any(entry["event"].startswith(event) for entry in self.log)

    def lines_of(self, request_id: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for `count` log lines of a call; return them."""
        until = time.monotonic() + 10
        while True:
            lines = [line for line in self.log if line.get("request_id") == request_id]
            if len(lines) >= count:
                return lines
            assert time.monotonic() < until, f"only {lines} is logged of {request_id}"
            time.sleep(0.01)

    def read_log(self, is_serving: threading.Event) -> None:
        """Collect the log until the process ends; set `is_serving` when it serves."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                entry = json.loads(line)
            except ValueError:
                entry = {"event": line.rstrip()}
            self.log.append(entry)
            if entry.get("event") == "serving":
                self.address = entry["address"]
                self.metrics_address = entry.get("metrics", "")
                is_serving.set()
        is_serving.set()


def start_server(
    data_dir: Path, *flags: str, module: str = "tihua_server"
) -> "subprocess.Popen[str]":
    """Start a server process on a free port, ignoring the environment's settings for it.

    On SIGABRT it prints the stack of each of its threads.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("TIHUA_")
    }
    environment["PYTHONFAULTHANDLER"] = "1"
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-m", module, "--port", "0", "--data-dir", str(data_dir)]
    command += ["--log-format", "json", *flags]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


@contextlib.contextmanager
def running(
    data_dir: Path,
    *flags: str,
    start_timeout_s: float = 120,
    stop_timeout_s: float = 60,
    module: str = "tihua_server",
) -> Iterator[ServerProcess]:
    """Start a server, wait until it serves, and stop it after the block.

    Raises:
        ServerFailed: it did not start, or did not stop and was killed.
    """
    with start_server(data_dir, *flags, module=module) as process:
        server = ServerProcess(process)
        is_serving = threading.Event()
        reader = threading.Thread(target=server.read_log, args=[is_serving])
        reader.start()
        try:
            is_in_time = is_serving.wait(start_timeout_s)
            if not server.address:
                state = "ended" if is_in_time else f"does not serve after {start_timeout_s:g} s"
                words = _last_words(server, reader)
                last = server.log[-1] if server.log else {}
                raise ServerFailed(f"the server {state}:\n{words}", last.get("reason", ""))
            yield server
        finally:
            server.terminate()
            try:
                process.wait(stop_timeout_s)
            except subprocess.TimeoutExpired as error:
                state = f"does not stop within {stop_timeout_s:g} s"
                words = _last_words(server, reader)
                raise ServerFailed(f"the server {state}:\n{words}") from error
            finally:
                process.kill()
                process.wait()
                reader.join()


def _last_words(server: ServerProcess, reader: threading.Thread) -> str:
    """Return a server's log, and the stacks of its threads."""
    server.process.send_signal(signal.SIGABRT)
    reader.join(10)
    return "\n".join(str(entry.get("event")) for entry in server.log)


def start_module(name: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start a module of the tests in a separate process; the caller must read its stdout."""
    return subprocess.Popen(
        [sys.executable, "-m", name, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )


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
