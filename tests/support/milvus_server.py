"""A real Milvus server that a test may kill, freeze and start again.

The PyPI package `milvus` is Milvus 2.3.5, packed with LZMA, and a template of its configuration.
Both are used here, but not its launcher, which picks other ports at each start, waits by sleeping,
and kills whatever has not exited after a second.

Milvus listens on every interface, whatever its settings: start it where nobody else can reach its
ports. The connections among its parts, and its etcd, use only the loopback interface.
"""

import contextlib
import http.client
import json
import lzma
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import milvus
from free_port import free_ports

CACHE_DIR = Path("~/.cache/tihua").expanduser() / f"milvus-{milvus.__version__}"
"""Where the programs are unpacked once for all servers: 250 MB, in 7 s."""

PARTS = (
    "DATACOORD",
    "DATANODE",
    "INDEXNODE",
    "PROXY",
    "QUERYCOORD",
    "QUERYNODE",
    "ROOTCOORD",
)

SETTINGS = {
    # A killed part stays registered in etcd for this long, and collections are only loaded again
    # after that: with the default of 30 s they are not served for 35 s after a kill. It is also how
    # long Milvus may fail to renew its registration, because it is frozen or short of CPU, before
    # it exits by itself. With 5 s that happens on a machine with a load of 25.
    "COMMON_SESSION_TTL": "15",
    # The default is half an hour, all of which it waits if a collection is loaded.
    "COMMON_GRACEFULSTOPTIMEOUT": "1",
    **{f"{part}_IP": "127.0.0.1" for part in PARTS},
}
"""Changes to the default settings, as variables; all settings are in `configs/milvus.yaml`."""

_PORTS = 13
"""Ten for Milvus' parts, one for its health and two for its etcd."""

_POLL_S = 0.05


class MilvusFailed(AssertionError):
    """Milvus did not start; the message is the end of its output."""


class MilvusServer:
    """A Milvus that keeps its directory and ports over restarts.

    Attributes:
        uri: its address, for `--milvus-uri` and `Milvus.open`.
        log: the file that collects its output.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str] = {}) -> None:
        """Choose free ports and write the configuration; `start` starts it.

        Args:
            directory: for data, configuration and log; created if it is missing. A second Milvus
                on it, once the first is down, continues with its collections.
            settings: further settings, as Milvus' variables: `PROXY_TIMETICKINTERVAL` is
                `proxy.timeTickInterval` of `milvus.yaml`.
        """
        self._directory = directory.absolute()
        health, etcd_client, etcd_peer, *others = free_ports(_PORTS)
        config = milvus.MilvusServerConfig(data_dir=str(self._directory))
        names = [name for name in config.configurable_items if name.endswith("_port")]
        config.update(**dict(zip(names, others, strict=True)))
        config.resolve()
        self.uri = f"http://127.0.0.1:{config.get('proxy_port')}"
        self.log = self._directory / "logs" / "milvus.log"
        self._health_port = health
        etcd = self._directory / "configs" / "etcd.yaml"
        etcd.write_text(
            f"name: milvus\n"
            f"listen-client-urls: http://127.0.0.1:{etcd_client}\n"
            f"advertise-client-urls: http://127.0.0.1:{etcd_client}\n"
            f"listen-peer-urls: http://127.0.0.1:{etcd_peer}\n"
            f"initial-advertise-peer-urls: http://127.0.0.1:{etcd_peer}\n"
            f"initial-cluster: milvus=http://127.0.0.1:{etcd_peer}\n"
        )
        self._environment = {
            **os.environ,
            **SETTINGS,
            **settings,
            "DEPLOY_MODE": "STANDALONE",
            "ETCD_CONFIG_PATH": str(etcd),
            "LD_LIBRARY_PATH": str(CACHE_DIR),
            "METRICS_PORT": str(health),
            "MILVUS_RUN_DIR": str(self._directory / "run"),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process, which must be up."""
        assert self._process is not None, "Milvus is down: start it first"
        return self._process

    def start(self, timeout_s: float = 120.0) -> None:
        """Start Milvus and wait until it reports that it is healthy.

        It takes 3 s, or 10 s on a directory with data. After a kill its collections are loaded a
        few seconds later; until then they can't be searched.

        Raises:
            MilvusFailed: it exited, or was not healthy in time and was stopped.
        """
        assert self._process is None, "Milvus is up already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [_programs() / "milvus", "run", "standalone"],
                cwd=self._directory,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C must only reach the tests, which stop Milvus themselves.
                start_new_session=True,
            )
        # Reads until its pipe closes, which also happens when this process is killed.
        self._guard = subprocess.Popen(
            ["sh", "-c", 'read _; kill -9 "$0"', str(self._process.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self._await_health(timeout_s)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Kill Milvus as `kill -9` does, even if it is frozen or has already exited."""
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
        self.process.kill()
        self.process.wait()
        self._process = self._guard = None

    def freeze(self) -> None:
        """Stop all its threads: connections stay open, and nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self) -> None:
        """Resume it after `freeze`."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Shut it down, or kill it after `timeout_s`; do nothing if it is down.

        Milvus 2.3.5 exits in 1 s, in 12 s, or never: parts may wait for others that have stopped.
        """
        if self._process is None:
            return
        self.thaw()
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout_s)
        self.kill()

    def _await_health(self, timeout_s: float) -> None:
        end_s = time.monotonic() + timeout_s
        while not self._is_healthy():
            is_late = time.monotonic() > end_s
            if is_late or self.process.poll() is not None:
                state = f"is not healthy after {timeout_s:g} s" if is_late else "ended"
                tail = self.log.read_bytes()[-4_000:].decode(errors="replace")
                raise MilvusFailed(f"Milvus {state}; the end of {self.log}:\n{tail}")
            time.sleep(_POLL_S)

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._health_port, timeout=5)
        try:
            connection.request("GET", "/healthz", headers={"Content-Type": "application/json"})
            health = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            connection.close()
        # Parts report one after the other; before the first has, Milvus claims to be healthy.
        parts = {part["name"] for part in health.get("detail") or ()}
        return health.get("state") == "OK" and parts.issuperset(map(str.lower, PARTS))


@contextlib.contextmanager
def running_milvus(directory: Path, settings: Mapping[str, str] = {}) -> Iterator[MilvusServer]:
    """Run a `MilvusServer` for the duration of the block, and stop it in any state."""
    server = MilvusServer(directory, settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _programs() -> Path:
    """Return the directory of the unpacked programs; several processes may ask at once."""
    if not CACHE_DIR.exists():
        CACHE_DIR.parent.mkdir(parents=True, exist_ok=True)
        unpacked = Path(tempfile.mkdtemp(dir=CACHE_DIR.parent))
        for packed in (Path(milvus.__file__).parent / "data" / "bin").glob("*.lzma"):
            with lzma.open(packed) as source, (unpacked / packed.stem).open("wb") as target:
                shutil.copyfileobj(source, target)
            (unpacked / packed.stem).chmod(0o755)
        try:
            unpacked.rename(CACHE_DIR)
        except OSError:  # another process was faster
            shutil.rmtree(unpacked)
    return CACHE_DIR
