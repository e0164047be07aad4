"""Whoever watches this server, as configured: metrics on a port of their own; by default nobody."""

import asyncio
from functools import partial

from tihua_server.batcher import Lane
from tihua_server.config import Config
from tihua_server.ingester import Ingester
from tihua_server.interceptor import CallInterceptor
from tihua_server.metrics import Metrics
from tihua_server.metrics_server import MetricsServer
from tihua_server.observer import Kind, Observer
from tihua_server.served_models import ServedModels


class Telemetry:
    """The observers of one server, and what they need to be seen.

    Attributes:
        observer: hears of everything.
        addresses: where to look, by what is there; for the log.
    """

    def __init__(self, config: Config) -> None:
        """Make the observers; nothing is served before `start`."""
        self._config = config
        self._metrics = None if config.metrics_port is None else Metrics()
        self._metrics_server: MetricsServer | None = None
        self.observer: Observer = self._metrics or Observer()
        self.addresses: dict[str, str] = {}

    def show(
        self,
        models: ServedModels,
        calls: CallInterceptor,
        ingester: Ingester,
        *,
        version: str,
        store: str,
    ) -> None:
        """Take the parts whose state is read."""
        if (metrics := self._metrics) is None:
            return
        metrics.tell_server(version=version, store=store)
        metrics.tell_bounds(
            max_queue_size=self._config.max_queue_size,
            max_queue_bytes=self._config.max_queue_bytes,
        )
        metrics.read_calls(lambda: calls.under_way, lambda: ingester.stream_count)
        for lane in Lane:
            metrics.read_queue_bytes(lane.value, partial(models.queue_bytes, lane))
        for model in models:
            metrics.tell_model(model)
            embedder = models.named(model.ref.id)
            for lane in Lane:
                metrics.read_queues(
                    model.ref.id,
                    lane.value,
                    sizes={kind: partial(embedder.queue_size, kind, lane) for kind in Kind},
                    preprocess_size=partial(embedder.preprocess_queue_size, lane),
                )

    async def start(self) -> None:
        """Serve the metrics, if they are wanted.

        Raises:
            InvalidInput: their address can't be listened on.
        """
        config = self._config
        if self._metrics is not None and config.metrics_port is not None:
            # In a thread: it asks for the host's name, which may take a name server's time.
            self._metrics_server = await asyncio.to_thread(
                MetricsServer, self._metrics.registry, config.metrics_host, config.metrics_port
            )
            self.addresses["metrics"] = self._metrics_server.address

    async def stop(self) -> None:
        """Serve nothing more."""
        if self._metrics_server is not None:
            await asyncio.to_thread(self._metrics_server.close)
