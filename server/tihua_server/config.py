"""Every setting of the server, with its default: two frozen dataclasses, filled once at the start.

`options.py` makes one flag and one `TIHUA_…` variable of each field of `Config`.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from tihua._cores import usable_cores

from tihua_server.errors import ConfigError

DEFAULT_MODEL = "tihua-tiny"

CHINESE_CLIP_NAMES = ("ViT-B-16", "ViT-L-14", "ViT-L-14-336", "ViT-H-14", "RN50")
"""The published Chinese-CLIP models (arXiv:2211.01335), by cn_clip's names."""

MODEL_NAMES = (DEFAULT_MODEL, *CHINESE_CLIP_NAMES)
"""Every model that `--model` takes; the first is packaged with the server."""

MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""The form of a model's id."""

MODEL_SOURCES = ("huggingface", "modelscope")
"""The hubs that cn_clip fetches from."""

TRACES = ("auto", "on", "off")
"""Values of `--traces`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds on what a client may send, each inclusive; `GetServerInfo` reports them.

    Attributes:
        max_message_bytes: one gRPC message, either way.
        max_batch_items: inputs of one call or ingest batch.
        max_image_bytes: one encoded picture.
        max_image_pixels: width times height; 50 million is more than any camera phone's default
            and decodes into 0.2 GB, or as WebP into 1.1 GB (`Config.max_decode_pixels`).
        max_text_chars: code points of one text. The model reads 50 of them; the rest of a longer
            text is cut, and a text beyond this bound is a mistake.
        max_page_size: hits or items of one answer.
        max_search_window: hits over all pages of one search; Milvus allows 16 384.
        max_query_terms: terms of one query.
        max_id_bytes, max_uri_bytes, max_metadata_bytes: parts of an item, as UTF-8.
        max_streams_per_client: ingest streams of one client, which is one token, or one address
            where there are no tokens. Each may have `max_message_bytes` in flight.
        max_calls_per_connection: calls in progress on one connection; further ones wait in the
            client.
        max_header_bytes: the metadata of one call.
        min_ping_interval_s: shortest time between two pings of a client while no data flows, in
            seconds; a client that pings more often is disconnected.
    """

    max_message_bytes: int = 64 * 1024 * 1024
    max_batch_items: int = 256
    max_image_bytes: int = 32 * 1024 * 1024
    max_image_pixels: int = 50_000_000
    max_text_chars: int = 10_000
    max_page_size: int = 1_000
    max_search_window: int = 16_384
    max_query_terms: int = 16
    max_id_bytes: int = 512
    max_uri_bytes: int = 4_096
    max_metadata_bytes: int = 32_768
    max_streams_per_client: int = 16
    max_calls_per_connection: int = 1_024
    max_header_bytes: int = 16_384
    min_ping_interval_s: int = 30


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model to serve.

    Attributes:
        id: what requests and answers call it.
        name: one of `MODEL_NAMES`.
        path: a checkpoint file of that model; None fetches it, or takes the packaged one.
    """

    id: str
    name: str
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How one server runs.

    Attributes:
        host, port: where it listens; port 0 takes a free one.
        tls_cert, tls_key: PEM files of its certificate, with the intermediate ones, and of its
            private key; without them calls are not encrypted.
        tls_client_ca: CAs that must have signed the clients' certificates (mTLS).
        token_file: who may call; without it everybody who can connect may.
        insecure: accept other machines without TLS or without authentication.
        model: one of `MODEL_NAMES`.
        model_id: what requests and answers call it; empty means its name.
        model_path: a checkpoint file of that model; None fetches it, or takes the packaged one.
        also_model: further models to serve.
        model_source: the hub to fetch from, one of `MODEL_SOURCES`.
        model_dir: where fetched checkpoints and converted models are kept.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        engine: `auto`, `torch` or `openvino`.
        precision: `auto`, `fp32`, `bf16` or `int8`.
        inference_threads: CPU threads of the models, which take turns on them; 0 takes all cores.
        preprocess_threads: threads that decode and resize pictures and tokenize texts.
        max_batch_size: inputs of one batch at most.
        max_batch_ms: bound on a batch's expected time, in milliseconds; bulk batches are limited to
            200, or to 50 within half a minute of a query that would wait for them. A query waits
            for the running batch and, beside pictures, for a pause of 40 at most.
        max_queue_size: texts queued or in progress in each lane, and as many pictures, for all
            models together; beyond it calls are refused. Calls of more inputs than
            `max_query_terms` (a SearchMany counts as one call) may fill 7/8 of it.
        max_queue_bytes: bytes of the pictures in each lane, files and pixels; its texts have the
            same bound of their own. Calls beyond it, large ones beyond 7/8 of it, are refused too.
            gRPC's copy of a call's message comes on top: as much again as its files.
        max_decode_pixels: memory of the pictures that are being decoded, all threads together, in
            pixels of 4 bytes: 100 million are 0.4 GB. Most pictures take their width times height,
            those with transparency 3 times as many, WebP 5.5 (`tihua/_picture/memory.py`). One that
            exceeds the bound by itself is decoded alone: 50 million pixels of WebP in 1.1 GB.
        data_dir: where the embedded store lives.
        milvus_uri: a Milvus server; empty means the embedded one in `data_dir`.
        milvus_token: `user:password` or an API key.
        image_root: the folder in which clients may name picture files; None allows none.
        store_timeout_s: deadline of one call to the store, in seconds.
        drain_timeout_s: how long a stopping server has to finish accepted calls, in seconds.
        metrics_host, metrics_port: where Prometheus metrics are served, unencrypted; without a port
            there are none, and 0 takes a free one.
        traces: whether spans are sent to an OpenTelemetry collector: `on`, `off`, or `auto`, which
            sends them if OpenTelemetry's own variables name one.
        stream_idle_timeout_s: how long an ingest stream may be idle, in seconds: no batch arrives,
            or the client does not read. It is then ended, and can be resumed.
        log_level: `debug`, `info`, `warning` or `error`.
        log_format: `text` for people, `json` for machines.
        limits: the bounds on what a client may send.

    Raises:
        ConfigError: two models have the same id, or an id does not match `MODEL_ID`.
    """

    host: str = "127.0.0.1"
    port: int = 50051
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    token_file: Path | None = None
    insecure: bool = False
    model: str = DEFAULT_MODEL
    model_id: str = ""
    model_path: Path | None = None
    also_model: tuple[NamedModel, ...] = ()
    model_source: str = "huggingface"
    model_dir: Path = Path("~/.cache/tihua")
    device: str = "auto"
    engine: str = "auto"
    precision: str = "auto"
    inference_threads: int = 0
    preprocess_threads: int = field(default_factory=usable_cores)
    max_batch_size: int = 32
    max_batch_ms: float = 400.0
    max_queue_size: int = 1024
    max_queue_bytes: int = 256 * 1024 * 1024
    max_decode_pixels: int = 100_000_000
    data_dir: Path = Path("tihua-data")
    milvus_uri: str = field(default="", repr=False)  # it may carry a password
    milvus_token: str = field(default="", repr=False)
    image_root: Path | None = None
    store_timeout_s: float = 10.0
    drain_timeout_s: float = 30.0
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    traces: str = "auto"
    stream_idle_timeout_s: float = 300.0
    log_level: str = "info"
    log_format: str = "text"
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for model in self.models:
            if not MODEL_ID.fullmatch(model.id):
                raise ConfigError(
                    f"{model.id!r} can't be the id of a model: it must be 1 to 64 letters, digits, "
                    "dots, _ and -, and begin with a letter or digit"
                )
            if model.id in seen:
                raise ConfigError(
                    f"two models would be called {model.id}, and requests could not tell them "
                    f"apart: give one another id, as in --also-model mine:{model.name}=CHECKPOINT"
                )
            seen.add(model.id)

    @property
    def models(self) -> tuple[NamedModel, ...]:
        """All models to serve; the first is the default."""
        first = NamedModel(self.model_id or self.model, self.model, self.model_path)
        return (first, *self.also_model)
