"""The composition root: builds every part, serves, and shuts down in order.

Start: store → models → services → warm-up → listen → health says SERVING.
Run:   health follows the store and the models (rpc/readiness.py).
       A signal ends it, or the loss of its GPU (process.py).
Stop:  health says NOT_SERVING → a delay → no new calls → calls in progress end → model → store.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import grpc
import structlog

from tihua_server._version import __version__
from tihua_server.clip.loading import load_encoders
from tihua_server.config import DEFAULT_MODEL, Config
from tihua_server.errors import StoreUnavailable
from tihua_server.ingest.events import Credit
from tihua_server.ingest.ingester import Ingester
from tihua_server.ingest.writer import Writer
from tihua_server.milvus.store import Milvus
from tihua_server.model_watch import ModelWatch
from tihua_server.rpc.call import Calls
from tihua_server.rpc.collection_service import CollectionService
from tihua_server.rpc.embedding_service import EmbeddingService
from tihua_server.rpc.entrance import Entrance, server_options
from tihua_server.rpc.health_service import HealthService
from tihua_server.rpc.ingest_service import IngestService
from tihua_server.rpc.methods import Methods
from tihua_server.rpc.readiness import Readiness
from tihua_server.rpc.search_service import SearchService
from tihua_server.rpc.services import SERVICES, STORELESS_SERVICES, Servicers
from tihua_server.rpc.streams import Streams
from tihua_server.rpc.system_service import SystemService
from tihua_server.searcher import Searcher
from tihua_server.served_models import CLOSE_S, ServedModels
from tihua_server.telemetry.telemetry import Telemetry
from tihua_server.types import Encoder
from tihua_server.vector_store import VectorStore

NOTICE_S = 0.2
"""Delay between reporting NOT_SERVING and refusing new calls, in seconds; watchers stop sending
meanwhile. A call that has reached gRPC but not yet us is cancelled when the server stops."""

INGEST_BATCHES = 16
"""Batches that an ingest stream may have in flight: of 32 items each, they keep the queue full."""

_log = structlog.get_logger("tihua")


class App:
    """A server that is listening; made by `serving`.

    Attributes:
        telemetry: its metrics and traces.
        address: where it listens, `host:port`.
        device_lost: set when its GPU has failed permanently.
        is_at_rest: whether all threads have finished; set by `stop`.
    """

    def __init__(
        self,
        models: ServedModels,
        store: VectorStore,
        config: Config,
        telemetry: Telemetry,
        entrance: Entrance,
    ) -> None:
        """Wire the parts together; nothing listens before `start`."""
        self._config = config
        self._entrance = entrance
        self.telemetry = telemetry
        observer = telemetry.observer
        self._models = models
        self._store = store
        writer = Writer(models, store, config.limits)
        grant = Credit(INGEST_BATCHES, config.limits.max_message_bytes)
        self._ingester = Ingester(
            writer,
            grant=grant,
            room_bytes=config.max_queue_bytes,
            idle_timeout_s=config.stream_idle_timeout_s,
            observer=observer,
        )
        servicer = HealthService(("", *SERVICES))
        watch = ModelWatch(models)
        self._readiness = Readiness(
            store,
            watch,
            servicer,
            services=("", *SERVICES),
            readers={"", *SERVICES} - STORELESS_SERVICES,
            writers={"tihua.v1.IngestService"},
        )
        self._server = grpc.aio.server(options=server_options(config))
        self._calls = Calls(observer)
        methods = Methods(
            self._server,
            self._calls,
            entrance.access,
            Streams(config.limits.max_streams_per_client),
            write_timeout_s=config.stream_idle_timeout_s,
        )
        limits = config.limits
        Servicers(
            embedding=EmbeddingService(models, limits),
            ingest=IngestService(models, store, self._ingester, config),
            search=SearchService(Searcher(models, store), limits, self._calls),
            collection=CollectionService(models, store, writer, limits),
            system=SystemService(models, store, config, version=__version__),
            health=servicer,
        ).add_to(methods)
        telemetry.observe(
            models,
            watch,
            self._readiness,
            self._calls,
            self._ingester,
            entrance,
            store=store.kind,
        )
        self.device_lost = models.device_lost
        self.address = ""
        self.is_at_rest = False

    async def start(self) -> None:
        """Warm up the models, listen, and report SERVING.

        Raises:
            ConfigError: the address is taken or not this machine's.
        """
        await self._models.warm_up()
        self.address = self._entrance.bind(self._server)
        await self.telemetry.start()
        await self._server.start()
        await self._readiness.begin()

    def announce(self) -> None:
        """Log what is served, and where."""
        for model in self._models:
            _log.info(
                "serving",
                address=self.address,
                tls=self._entrance.tls,
                tokens=self._config.token_file is not None,
                model=model.ref.id,
                dim=model.dim,
                device=model.device,
                engine=model.engine,
                precision=model.precision,
                store=self._store.kind,
                **self.telemetry.addresses,
            )
        if [model.ref.id for model in self._models] == [DEFAULT_MODEL]:
            _log.info(
                "tihua-tiny is a small starter model; for production start Chinese-CLIP, for "
                "example with --model ViT-B-16; collections made with tihua-tiny must then be "
                "reindexed (tihua collections reindex --help)"
            )

    async def stop(self) -> None:
        """Finish accepted calls within `drain_timeout_s`, then release everything.

        Threads get `CLOSE_S` more, those of an embedded store `store_timeout_s`; see
        `is_at_rest`.
        """
        await self._readiness.end()
        self._ingester.drain()
        await asyncio.sleep(NOTICE_S)
        stopping = asyncio.create_task(self._server.stop(self._config.drain_timeout_s))
        idle = asyncio.create_task(self._calls.idle())
        await asyncio.wait([stopping, idle], return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        # Only watchers of health and reflection are left; they would wait for ever.
        await self._server.stop(0)
        await stopping
        try:
            self.is_at_rest = await self._models.close()
            if not self.is_at_rest:
                _log.warning("stopped in the middle of a batch or a picture", close_s=CLOSE_S)
        finally:
            try:
                await self._store.close()
            except StoreUnavailable as error:
                self.is_at_rest = False
                _log.warning("the store was not closed", error=error.message)
            await self.telemetry.stop()


@contextlib.asynccontextmanager
async def serving(
    config: Config, *, load: Callable[[Config], Sequence[Encoder]] = load_encoders
) -> AsyncIterator[App]:
    """Run a server as configured; leaving the context stops it in order.

    Args:
        config: how to run it.
        load: returns its models, the default one first; called in a thread.

    Raises:
        ConfigError: the server can't run as configured: for example, the address can't or must not
            be listened on, certificates or tokens can't be read, two models are the same, or the
            engine, device or precision is not available.
        ModelError: a model can't be loaded.
        StoreUnavailable: the store does not answer.
    """
    entrance = Entrance(config)  # first: its errors come before minutes of loading
    async with contextlib.AsyncExitStack() as parts:
        telemetry = Telemetry(config)
        parts.push_async_callback(telemetry.stop)
        store = await Milvus.open(
            config.milvus_uri or config.data_dir,
            token=config.milvus_token,
            timeout_s=config.store_timeout_s,
            observer=telemetry.observer,
        )
        parts.push_async_callback(store.close)
        encoders = await asyncio.to_thread(load, config)
        models = ServedModels(encoders, config, telemetry.observer)
        app = App(models, store, config, telemetry, entrance)
        parts.pop_all()  # from here on the app closes them
    try:
        await app.start()
        yield app
    finally:
        await app.stop()
