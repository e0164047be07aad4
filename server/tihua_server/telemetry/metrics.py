"""Every counter, gauge and histogram of the server, declared once; in Prometheus' base units.

Each server has a registry of its own. State (queue sizes, calls in progress) is read at each
scrape; only events are counted as they happen. A label's child is looked up once and kept: a small
call costs three histogram updates, some 10 us.
"""

import math
from collections.abc import Callable
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client import disable_created_metrics as leave_out_creation_times

from tihua_server.observer import Observer
from tihua_server.stages import Stages
from tihua_server.types import Kind, ModelInfo

SECONDS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Histogram bounds of durations: from a small model's batch to the longest that a caller waits."""

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Histogram bounds of batch sizes; 32 is the default limit of a batch, 256 that of a call."""


class Metrics(Observer):
    """The metrics of one server.

    Attributes:
        registry: holds them and those of the process.
    """

    def __init__(self) -> None:
        """Declare the metrics; those whose labels do not depend on calls start at 0."""
        # Creation times are one more line for each series, of no use in Prometheus' text format.
        leave_out_creation_times()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._server = Info("tihua_server", "Which server this is.", registry=self.registry)
        self._models = Info(
            "tihua_model", "A model that is served.", ("model",), registry=self.registry
        )
        self._certificate_expiry = self._gauge(
            "tihua_tls_certificate_expiry_timestamp_seconds",
            "When the certificate of --tls-cert expires, as Unix time; +Inf without TLS.",
        )
        self._certificate_expiry.set(math.inf)
        self._rpc_seconds = self._histogram(
            "tihua_rpc_seconds",
            "From a call's arrival to its status, by method and gRPC status.",
            ("method", "code"),
        )
        self._rejected = self._counter(
            "tihua_rejected_total",
            "Calls, and queries of SearchMany, answered with an error of ours, by reason.",
            ("reason",),
        )
        self._rpcs_under_way = self._gauge("tihua_rpcs_under_way", "Calls that are under way.")
        self._admitted = self._gauge(
            "tihua_admitted", "Inputs that wait or are worked on, of all models.", ("lane", "kind")
        )
        self._admitted_bytes = self._gauge(
            "tihua_admitted_bytes",
            "Bytes of the pictures that wait or are worked on, files and pixels.",
            ("lane",),
        )
        self._max_admitted = self._gauge(
            "tihua_max_admitted", "Inputs of a kind that may be in a lane: --max-queue-size."
        )
        self._max_admitted_bytes = self._gauge(
            "tihua_max_admitted_bytes",
            "Bytes of pictures that may be in a lane: --max-queue-bytes.",
        )
        self._queue_size = self._gauge(
            "tihua_queue_size", "Inputs that wait for a model.", ("model", "lane", "kind")
        )
        self._preprocess_queue_size = self._gauge(
            "tihua_preprocess_queue_size",
            "Inputs that wait for a thread to decode them.",
            ("model", "lane"),
        )
        of_model = ("model", "kind")
        longest = "the longest of a call's inputs."
        self._preprocess_seconds = self._histogram(
            "tihua_preprocess_seconds", f"Decoding, resizing and tokenizing: {longest}", of_model
        )
        self._queue_seconds = self._histogram(
            "tihua_queue_seconds", f"Waiting for a batch: {longest}", of_model
        )
        self._inference_seconds = self._histogram(
            "tihua_inference_seconds", "The model, for one batch that it computed.", of_model
        )
        self._batch_size = Histogram(
            "tihua_batch_size",
            "Inputs of one batch that was computed; the sum is what the model has embedded.",
            of_model,
            buckets=SIZES,
            registry=self.registry,
        )
        self._batches_failed = self._counter(
            "tihua_batches_failed_total", "Batches that the model failed to compute.", of_model
        )
        self._in_trouble = self._gauge(
            "tihua_model_in_trouble",
            "1 while a model hangs or fails at every batch, and health says NOT_SERVING.",
            of_model,
        )
        self._store_away = self._gauge(
            "tihua_store_away",
            "1 while the store can't be read, and health says NOT_SERVING for what needs it.",
        )
        self._store_seconds = self._histogram(
            "tihua_store_seconds", "One call to Milvus, by pymilvus' name.", ("call",)
        )
        self._store_errors = self._counter(
            "tihua_store_errors_total",
            "Calls to Milvus that failed, by reason.",
            ("call", "reason"),
        )
        self._ingest_streams = self._gauge("tihua_ingest_streams", "Ingest streams that are open.")
        self._ingest_items = self._counter(
            "tihua_ingest_items_total",
            "Items of acknowledged ingest batches, by what became of them.",
            ("outcome",),
        )
        self._rpcs: dict[tuple[str, str], Histogram] = {}
        self._stores: dict[str, Histogram] = {}
        self._stages: dict[tuple[str, Kind], tuple[Histogram, Histogram]] = {}
        self._batches: dict[tuple[str, Kind], tuple[Histogram, Histogram]] = {}
        self._items_of = {
            outcome: self._ingest_items.labels(outcome)
            for outcome in ("written", "failed", "skipped")
        }

    def rpc_ended(self, method: str, code: str, reason: str, start_s: float) -> None:
        """Record the call's duration; count the reason."""
        seconds = self._rpcs.get((method, code))
        if seconds is None:
            seconds = self._rpcs[method, code] = self._rpc_seconds.labels(method, code)
        seconds.observe(perf_counter() - start_s)
        if reason:
            self._rejected.labels(reason).inc()

    def part_failed(self, reason: str) -> None:
        """Count the reason."""
        self._rejected.labels(reason).inc()

    def embedded(self, model: str, kind: Kind, start_s: float, stages: Stages) -> None:
        """Record the duration of the stages; the queue only if an input got that far."""
        children = self._stages.get((model, kind))
        if children is None:
            children = self._stages[model, kind] = (
                self._preprocess_seconds.labels(model, kind.value),
                self._queue_seconds.labels(model, kind.value),
            )
        children[0].observe(stages.preprocess_s)
        if stages.batch_size:
            children[1].observe(stages.queue_s)

    def batch_computed(self, model: str, kind: Kind, size: int, inference_s: float) -> None:
        """Record the batch's duration and size."""
        children = self._batches.get((model, kind))
        if children is None:
            children = self._batches[model, kind] = (
                self._batch_size.labels(model, kind.value),
                self._inference_seconds.labels(model, kind.value),
            )
        children[0].observe(size)
        children[1].observe(inference_s)

    def batch_failed(self, model: str, kind: Kind, error: Exception) -> None:
        """Count the batch."""
        self._batches_failed.labels(model, kind.value).inc()

    def store_answered(self, call: str, start_s: float, reason: str) -> None:
        """Record the call's duration; count its error."""
        seconds = self._stores.get(call)
        if seconds is None:
            seconds = self._stores[call] = self._store_seconds.labels(call)
        seconds.observe(perf_counter() - start_s)
        if reason:
            self._store_errors.labels(call, reason).inc()

    def ingested(self, *, written: int, failed: int, skipped: int) -> None:
        """Count the items."""
        self._items_of["written"].inc(written)
        self._items_of["failed"].inc(failed)
        self._items_of["skipped"].inc(skipped)

    def publish_server(self, *, version: str, store: str) -> None:
        """Publish the server's version and store."""
        self._server.info({"version": version, "store": store})

    def publish_model(self, model: ModelInfo) -> None:
        """Publish a model's properties; start its count of failed batches at 0."""
        for kind in Kind:
            self._batches_failed.labels(model.ref.id, kind.value)
        self._models.labels(model.ref.id).info(
            {
                "fingerprint": model.ref.fingerprint,
                "engine": model.engine,
                "device": model.device,
                "precision": model.precision,
            }
        )

    def publish_bounds(self, *, max_admitted: int, max_admitted_bytes: int) -> None:
        """Publish the bounds on what each lane holds: inputs of a kind, and bytes."""
        self._max_admitted.set(max_admitted)
        self._max_admitted_bytes.set(max_admitted_bytes)

    def watch_expiry(self, expiry_s: Callable[[], float]) -> None:
        """Read the certificate's expiry, in seconds of Unix time, at each scrape."""
        self._certificate_expiry.set_function(expiry_s)

    def watch_calls(self, under_way: Callable[[], int], streams: Callable[[], int]) -> None:
        """Read the number of calls and of ingest streams at each scrape."""
        self._rpcs_under_way.set_function(under_way)
        self._ingest_streams.set_function(streams)

    def watch_lane(
        self,
        lane: str,
        *,
        admitted: dict[Kind, Callable[[], int]],
        admitted_bytes: Callable[[], int],
    ) -> None:
        """Read at each scrape how much a lane holds, of all models."""
        for kind, count in admitted.items():
            self._admitted.labels(lane, kind.value).set_function(count)
        self._admitted_bytes.labels(lane).set_function(admitted_bytes)

    def watch_queues(
        self,
        model: str,
        lane: str,
        *,
        sizes: dict[Kind, Callable[[], int]],
        preprocess_size: Callable[[], int],
    ) -> None:
        """Read at each scrape how many inputs wait in a model's lane."""
        for kind, size in sizes.items():
            self._queue_size.labels(model, lane, kind.value).set_function(size)
        self._preprocess_queue_size.labels(model, lane).set_function(preprocess_size)

    def watch_trouble(self, model: str, kind: Kind, is_in_trouble: Callable[[], bool]) -> None:
        """Read at each scrape whether a model is in trouble with a kind."""
        self._in_trouble.labels(model, kind.value).set_function(is_in_trouble)

    def watch_store(self, is_away: Callable[[], bool]) -> None:
        """Read at each scrape whether the store is away."""
        self._store_away.set_function(is_away)

    def _histogram(self, name: str, text: str, labels: tuple[str, ...]) -> Histogram:
        return Histogram(name, text, labels, buckets=SECONDS, registry=self.registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)
