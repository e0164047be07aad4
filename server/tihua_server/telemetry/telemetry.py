"""The configured observers of a server: metrics on a port of their own, traces, or none."""

import asyncio
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import structlog

from tihua_server._version import __version__
from tihua_server.batching.lane import Lane
from tihua_server.config import Config
from tihua_server.errors import ConfigError
from tihua_server.extras import install_hint
from tihua_server.ingest.ingester import Ingester
from tihua_server.model_watch import ModelWatch
from tihua_server.observer import NOBODY, Observer, Observers
from tihua_server.rpc.call import Calls
from tihua_server.rpc.entrance import Entrance
from tihua_server.rpc.readiness import Readiness
from tihua_server.served_models import ServedModels
from tihua_server.telemetry.metrics import Metrics
from tihua_server.telemetry.metrics_server import MetricsServer
from tihua_server.types import Kind

if TYPE_CHECKING:
    from tihua_server.telemetry.traces import Traces

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Where OpenTelemetry's own exporter looks for the address of a collector."""

_log = structlog.get_logger("tihua")


class Telemetry:
    """The observers of one server, and where they publish.

    Attributes:
        observer: notified of every event.
        addresses: the address of each endpoint by its name, for the log.
    """

    def __init__(self, config: Config) -> None:
        """Create the observers; nothing is published before `start`.

        Raises:
            ConfigError: traces are on, but OpenTelemetry is not installed.
        """
        self._config = config
        self._metrics = None if config.metrics_port is None else Metrics()
        self._traces = _traces(config, __version__)
        self._metrics_server: MetricsServer | None = None
        self.observer = _combined([self._metrics, self._traces])
        self.addresses: dict[str, str] = {}

    def observe(
        self,
        models: ServedModels,
        watch: ModelWatch,
        readiness: Readiness,
        calls: Calls,
        ingester: Ingester,
        entrance: Entrance,
        *,
        store: str,
    ) -> None:
        """Let the metrics read the state of these parts."""
        if (metrics := self._metrics) is None:
            return
        metrics.publish_server(version=__version__, store=store)
        metrics.publish_bounds(
            max_admitted=self._config.max_queue_size,
            max_admitted_bytes=self._config.max_queue_bytes,
        )
        if entrance.certificates is not None:
            metrics.watch_expiry(entrance.certificates.expiry_s)
        metrics.watch_store(readiness.is_store_away)
        metrics.watch_calls(lambda: calls.under_way, lambda: ingester.stream_count)
        for lane in Lane:
            metrics.watch_lane(
                lane.label,
                admitted={kind: partial(models.admitted, kind, lane) for kind in Kind},
                admitted_bytes=partial(models.admitted_bytes, lane),
            )
        for model in models:
            metrics.publish_model(model)
            for kind in Kind:
                metrics.watch_trouble(
                    model.ref.id, kind, partial(watch.is_in_trouble, model.ref.id, kind)
                )
            embedder = models.named(model.ref.id)
            for lane in Lane:
                metrics.watch_queues(
                    model.ref.id,
                    lane.label,
                    sizes={
                        kind: partial(embedder.queues.of(kind).queue_size, lane) for kind in Kind
                    },
                    preprocess_size=partial(embedder.preprocess_queue_size, lane),
                )

    async def start(self) -> None:
        """Serve the metrics, if they are configured.

        Raises:
            ConfigError: their address can't be listened on.
        """
        config = self._config
        if self._metrics is not None and config.metrics_port is not None:
            # In a thread: it asks for the host's name, which may take a name server's time.
            self._metrics_server = await asyncio.to_thread(
                MetricsServer, self._metrics.registry, config.metrics_host, config.metrics_port
            )
            self.addresses["metrics"] = self._metrics_server.address

    async def stop(self) -> None:
        """Stop serving metrics, and send the last spans."""
        if self._metrics_server is not None:
            await asyncio.to_thread(self._metrics_server.close)
        if self._traces is not None:
            await asyncio.to_thread(self._traces.close)


def _combined(observers: Sequence[Observer | None]) -> Observer:
    """Return one observer for all that there are."""
    match [observer for observer in observers if observer is not None]:
        case []:
            return NOBODY
        case [only]:
            return only
        case several:
            return Observers(several)


def _traces(config: Config, version: str) -> "Traces | None":
    is_asked = config.traces == "auto" and any(map(os.environ.get, ENDPOINT_VARIABLES))
    if config.traces != "on" and not is_asked:
        return None
    try:
        from tihua_server.telemetry.traces import Traces
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("tihua"):
            raise
        missing = f"{error.name} is not installed: {install_hint('otel')}, or use --traces off"
        if is_asked:
            # Many clusters set the variable for everything that runs there.
            _log.warning("no traces", why=missing)
            return None
        raise ConfigError(missing) from error
    return Traces(version)
