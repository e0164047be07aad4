"""One flag and one environment variable of `tihua-server` for each setting of `Config`."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias

import click

from tihua_server.clip.loading import ENGINES, PRECISIONS
from tihua_server.config import MODEL_NAMES, MODEL_SOURCES, TRACES, Config, Limits
from tihua_server.logs import FORMATS, LEVELS
from tihua_server.option_types import HomePath, ServingOption, named_model

Decorator: TypeAlias = Callable[[Callable[..., None]], Callable[..., None]]

DEFAULTS = Config()
DEFAULT_LIMITS = Limits()

POSITIVE = click.IntRange(min=1)

SECTIONS = {
    "host": "Listening and access",
    "model": "Models",
    "inference_threads": "Batches and queues",
    "data_dir": "Store",
    "drain_timeout_s": "Running and observing",
    "max_message_bytes": "Limits on requests",
}
"""The sections of `--help`, by the name of the first option of each."""


def _knob(name: str, **attributes: Any) -> Decorator:
    """Return the option of one field of `Config`."""
    if "default" not in attributes:
        attributes["default"] = getattr(DEFAULTS, name)
    attributes.setdefault("show_default", True)
    if isinstance(attributes.get("type"), click.IntRange | click.FloatRange):
        attributes["metavar"] = "NUMBER"
    return click.option(
        "--" + name.replace("_", "-"),
        envvar="TIHUA_" + name.upper(),
        cls=ServingOption,
        **attributes,
    )


def _limit(name: str, text: str) -> Decorator:
    """Return the option of one field of `Limits`."""
    return _knob(name, default=getattr(DEFAULT_LIMITS, name), type=click.IntRange(min=1), help=text)


OPTIONS = (
    _knob("host", help="Address to listen on; the default accepts this machine only."),
    _knob("port", type=click.IntRange(0, 65535), help="Port to listen on; 0 picks a free one."),
    _knob(
        "tls_cert",
        type=HomePath(),
        help="The server's certificate with its chain, PEM; reloaded when it changes.",
    ),
    _knob("tls_key", type=HomePath(), help="Private key of --tls-cert, PEM, without a passphrase."),
    _knob(
        "tls_client_ca",
        type=HomePath(),
        help="CA that must have signed the clients' certificates, PEM (mTLS).",
    ),
    _knob(
        "token_file",
        type=HomePath(),
        help="Who may call: lines of NAME ROLE TOKEN, the role being read, write or admin; "
        "reloaded when it changes.",
    ),
    _knob(
        "insecure",
        is_flag=True,
        help="Accept other machines without TLS or without authentication.",
    ),
    _knob(
        "image_root",
        type=HomePath(exists=True, file_okay=False),
        help="Folder in which clients may name picture files instead of sending them, such as a "
        "shared disk; if unset, the server opens no file that a client names.",
    ),
    _knob("model", type=click.Choice(MODEL_NAMES), help="Model to serve."),
    _knob(
        "model_id",
        show_default="its name",
        help="Id of that model in requests and answers. Give a checkpoint of your own its own id.",
    ),
    _knob(
        "model_path",
        type=HomePath(),
        help="Checkpoint file of that model; if unset, the packaged or a fetched one is used.",
    ),
    _knob(
        "also_model",
        type=named_model,
        multiple=True,
        metavar="[ID:]NAME[=CHECKPOINT]",
        show_default=False,
        help="Another model to serve, for its own collections; repeatable (in the variable: "
        "separated by spaces). All models share the same threads. Requests call it ID, or NAME "
        "if there is no ID.",
    ),
    _knob(
        "model_source",
        type=click.Choice(MODEL_SOURCES),
        help="Hub to fetch checkpoints from.",
    ),
    _knob(
        "model_dir",
        type=HomePath(),
        help="Where fetched checkpoints and converted models are kept.",
    ),
    _knob("device", help="auto, cpu, cuda or cuda:N; auto uses CUDA if available."),
    _knob(
        "engine",
        type=click.Choice(ENGINES),
        help="What runs the models: torch, or OpenVINO, which is faster on a CPU; auto uses "
        "OpenVINO on a CPU if it is installed.",
    ),
    _knob(
        "precision",
        type=click.Choice(PRECISIONS),
        help="auto uses bf16 where it is fast (OpenVINO on a CPU with bf16; a GPU from compute "
        "capability 8.0) and agrees with fp32, else fp32. int8 is faster still, on a CPU, with a "
        "cosine of at least 0.99 to fp32. Servers of different precisions can share a collection.",
    ),
    _knob(
        "inference_threads",
        type=click.IntRange(min=0),
        help="CPU threads shared by the models; 0 uses all usable cores. Set it to leave cores to "
        "other programs.",
    ),
    _knob(
        "preprocess_threads",
        type=POSITIVE,
        show_default="one per usable core",
        help="Threads that decode and resize pictures and tokenize texts; --max-decode-pixels "
        "limits the memory they use.",
    ),
    _knob(
        "max_batch_size",
        type=POSITIVE,
        help="Most inputs in one batch. Larger batches are faster in bulk and need more memory.",
    ),
    _knob(
        "max_batch_ms",
        type=click.FloatRange(min=1),
        help="Longest that a batch is expected to run. Bulk batches get at most 200 ms, and 50 for "
        "half a minute after a query that would have had to wait for them. A query waits for the "
        "running batch and, while pictures are computed, up to 40 ms more.",
    ),
    _knob(
        "max_queue_size",
        type=POSITIVE,
        help="Most texts, and most pictures, queued or in progress in each lane (interactive, "
        "bulk), for all models together. A low limit refuses callers early instead of making them "
        "wait.",
    ),
    _knob(
        "max_queue_bytes",
        type=POSITIVE,
        help="Most bytes of pictures (files and pixels) queued or in progress in each lane, for "
        "all models together; texts have a separate limit of the same size.",
    ),
    _knob(
        "max_decode_pixels",
        type=POSITIVE,
        help="Most pixels decoded at the same time, 4 bytes of memory each: the default is 0.4 GB. "
        "Some pictures count more than once, WebP up to 5.5 times; one that exceeds the limit by "
        "itself is decoded alone.",
    ),
    _knob("data_dir", type=HomePath(), help="Folder of the embedded store."),
    _knob(
        "milvus_uri",
        show_default=False,
        help="A Milvus server, http://host:19530; if unset, the embedded store is used.",
    ),
    _knob(
        "milvus_token",
        show_default=False,
        help="user:password or API key of the Milvus server; prefer the variable "
        "TIHUA_MILVUS_TOKEN, because every user of this machine can see command lines.",
    ),
    _knob(
        "store_timeout_s", type=click.FloatRange(min=0.1), help="Deadline of a call to the store."
    ),
    _knob(
        "drain_timeout_s",
        type=click.FloatRange(min=0),
        help="How long a stopping server may take to finish accepted calls.",
    ),
    _knob(
        "stream_idle_timeout_s",
        type=click.FloatRange(min=0.1),
        help="How long an ingest stream may be idle (no batch comes, or the client does not read) "
        "before it is ended. It can be resumed without loss.",
    ),
    _knob("metrics_host", help="Address to serve metrics on; they are not encrypted."),
    _knob(
        "metrics_port",
        type=click.IntRange(0, 65535),
        help="Port for Prometheus metrics at /metrics; 0 picks a free one. If unset, there are "
        "none.",
    ),
    _knob(
        "traces",
        type=click.Choice(TRACES),
        help="Whether to send OpenTelemetry spans; auto does so if OTEL_EXPORTER_OTLP_ENDPOINT "
        "says where to.",
    ),
    _knob(
        "log_level",
        type=click.Choice(LEVELS),
        help="info has a line for each call that fails, debug for every call.",
    ),
    _knob("log_format", type=click.Choice(FORMATS), help="text for people, json for machines."),
    _limit("max_message_bytes", "Bytes of one gRPC message."),
    _limit("max_batch_items", "Inputs of one call or ingest batch."),
    _limit("max_image_bytes", "Bytes of one encoded picture."),
    _limit("max_image_pixels", "Width times height of one picture."),
    _limit("max_text_chars", "Characters of one text."),
    _limit(
        "max_streams_per_client", "Open ingest streams per token, or per address without tokens."
    ),
)
"""In the order of `--help`."""


def config_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all of `OPTIONS`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def config_of(**knobs: Any) -> Config:
    """Return the configuration that parsed `OPTIONS` make.

    Raises:
        ConfigError: two models have the same id, or an id does not match `MODEL_ID`.
    """
    names = {field.name for field in dataclasses.fields(Limits)} & knobs.keys()
    limits = Limits(**{name: knobs.pop(name) for name in names})
    return Config(**knobs, limits=limits)
