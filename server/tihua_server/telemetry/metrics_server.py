"""`GET /metrics` over HTTP, in threads of its own."""

import socket
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from tihua_server.errors import ConfigError

_StartResponse: TypeAlias = Callable[[str, list[tuple[str, str]]], Any]

SCRAPER_TIMEOUT_S = 10.0
"""After this time an idle connection is closed, in seconds; Prometheus gives up after 10 s too."""


class MetricsServer:
    """Serves one registry at one address.

    Attributes:
        address: `host:port`, with the actual port.
    """

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        """Listen; port 0 picks a free one.

        Raises:
            ConfigError: the address is taken or not this machine's.
        """
        try:
            self._server = make_server(
                host, port, _only_metrics(registry), _server_for(host, port), _Handler
            )
        except OSError as error:
            raise ConfigError(
                f"can't serve metrics on {host}:{port}: another program has that port, or the host "
                "is not on this machine; choose another with --metrics-port or --metrics-host"
            ) from error
        shown = f"[{host}]" if ":" in host else host
        self.address = f"{shown}:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(WSGIRequestHandler):
    timeout = SCRAPER_TIMEOUT_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
        """Log nothing: it would be a line for every scrape."""


def _server_for(host: str, port: int) -> type[ThreadingWSGIServer]:
    [family, *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]

    class Server(ThreadingWSGIServer):
        address_family = family

    return Server


def _only_metrics(registry: CollectorRegistry) -> Callable[..., Iterable[bytes]]:
    """Return prometheus_client's application, at `/metrics` only: by itself it answers any path."""
    metrics = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start_response: _StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            body: Iterable[bytes] = metrics(environ, start_response)
            return body
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"the metrics are at /metrics\n"]

    return answer
