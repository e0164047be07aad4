"""A network that breaks: a proxy that cuts connections while a client is sending.

Either both ends learn of it, or neither: then the connection stays open, and whatever either sends
is lost, as if a machine had lost power.
"""

import contextlib
import math
import socket
import threading
from collections.abc import Iterator


class CuttingProxy:
    """Forwards connections; after `cut_after_bytes` from the clients, it cuts all of them once.

    Without `cut_after_bytes` it cuts them when it is told to.

    Attributes:
        address: where clients connect to.
        was_cut: set at the cut.
        may_connect: initially set; while it is not, connections after the cut wait.
        upstream: address of the server; may be changed.
    """

    def __init__(self, upstream: str, *, cut_after_bytes: int | None, is_silent: bool) -> None:
        """Listen."""
        self.upstream = upstream
        self._is_silent = is_silent
        self._mute: set[socket.socket] = set()
        self.was_cut = threading.Event()
        self.may_connect = threading.Event()
        self.may_connect.set()
        self._left_bytes = math.inf if cut_after_bytes is None else cut_after_bytes
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._listener.getsockname())
        self._start(self._accept)

    def cut(self) -> None:
        """Cut all connections now."""
        self.was_cut.set()
        self._mute.update(self._sockets)
        if not self._is_silent:
            self._shut()

    def close(self) -> None:
        """Cut all connections, and stop."""
        self.may_connect.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._shut()
        for thread in self._threads:
            thread.join()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.was_cut.is_set():
                    self.may_connect.wait()
                host, port = self.upstream.rsplit(":", 1)
                try:
                    server = socket.create_connection((host, int(port)))
                except OSError:
                    client.close()
                    continue
                with self._lock:
                    self._sockets += [client, server]
                self._start(self._forward, client, server, True)
                self._start(self._forward, server, client, False)

    def _forward(self, source: socket.socket, target: socket.socket, is_counted: bool) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(16_384):
                if is_counted and self._is_over(len(content)):
                    self.cut()
                if source not in self._mute:
                    target.sendall(content)
        if source in self._mute:
            return
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _is_over(self, size: int) -> bool:
        with self._lock:
            if self.was_cut.is_set():
                return False
            self._left_bytes -= size
            if self._left_bytes >= 0:
                return False
            self.was_cut.set()
            return True

    def _shut(self) -> None:
        with self._lock:
            for end in self._sockets:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._sockets.clear()


@contextlib.contextmanager
def cutting(
    upstream: str, *, cut_after_bytes: int | None = None, is_silent: bool = False
) -> Iterator[CuttingProxy]:
    """Run a proxy; with `is_silent` no end learns of the cut."""
    proxy = CuttingProxy(upstream, cut_after_bytes=cut_after_bytes, is_silent=is_silent)
    try:
        yield proxy
    finally:
        proxy.close()
