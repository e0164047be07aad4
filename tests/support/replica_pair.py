"""Two servers on one Milvus, behind one name; each may be killed and started again.

Their model is a fake, with which they start in a second.
"""

import contextlib
from pathlib import Path

from name_server import NameServer
from processes import ServerProcess, running
from scraped import Scraped

HOSTS = ("127.0.0.1", "127.0.0.2")


class Replica:
    """One of the servers; it keeps its address over restarts."""

    def __init__(self, host: str, milvus_uri: str, directory: Path) -> None:
        """Prepare a server on `host`; its first start picks a free port, which it keeps."""
        self.port = 0
        self._host = host
        self._flags = ("--milvus-uri", milvus_uri, "--metrics-port", "0", "--drain-timeout-s", "20")
        self._directory = directory
        self._stack = contextlib.ExitStack()
        self._server: ServerProcess | None = None
        self._is_ending = False

    @property
    def server(self) -> ServerProcess:
        """Return the process, which must have been started."""
        assert self._server is not None
        return self._server

    @property
    def is_up(self) -> bool:
        """Return whether it runs and was not told to stop."""
        return self._server is not None and not self._is_ending

    @property
    def metrics(self) -> Scraped:
        """Return its metrics since its last start."""
        return Scraped(self.server.metrics_address)

    def start(self) -> None:
        """Start it, and return when it serves; do nothing if it runs."""
        if self.is_up:
            return
        self.stop()
        flags = (*self._flags, "--host", self._host, "--port", str(self.port))
        process = running(self._directory, *flags, module="fake_server")
        self._server = self._stack.enter_context(process)
        self.port = int(self.server.address.rpartition(":")[2])
        self._is_ending = False

    def kill(self) -> None:
        """Kill it as `kill -9` does."""
        self._is_ending = True
        self.server.process.kill()

    def terminate(self) -> None:
        """Ask it to shut down, as `kill` does."""
        self._is_ending = True
        self.server.terminate()

    def stop(self) -> None:
        """Stop it, and wait until it has exited."""
        self._stack.close()


class Pair:
    """The two replicas."""

    def __init__(self, milvus_uri: str, directory: Path, names: NameServer) -> None:
        """Prepare both; start neither."""
        self.replicas = [Replica(host, milvus_uri, directory) for host in HOSTS]
        self._names = names

    @property
    def address(self) -> str:
        """Return a target that resolves to both."""
        return self._names.target(self.replicas[0].port)

    def start(self) -> None:
        """Start those that are down, one after the other: in parallel each takes twice as long."""
        for replica in self.replicas:
            replica.port = self.replicas[0].port
            replica.start()

    def with_stream(self) -> Replica:
        """Return the replica that has the only ingest stream."""
        [busy] = [
            replica
            for replica in self.replicas
            if replica.is_up and replica.metrics.value("tihua_ingest_streams")
        ]
        return busy
