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


def _knob(name: str, **attributes: Any) -> Decorator:
    """Return the option of one field of `Config`."""
    if "default" not in attributes:
        attributes["default"] = getattr(DEFAULTS, name)
    attributes.setdefault("show_default", True)
    return click.option(
        "--" + name.replace("_", "-"),
        envvar="TIHUA_" + name.upper(),
        show_envvar=True,
        cls=ServingOption,
        **attributes,
    )


def _limit(name: str, text: str) -> Decorator:
    """Return the option of one field of `Limits`."""
    return _knob(name, default=getattr(DEFAULT_LIMITS, name), type=click.IntRange(min=1), help=text)


OPTIONS = (
    _knob("host", help="Address to listen on; the default accepts this machine only."),
    _knob("port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one."),
    _knob(
        "tls_cert",
        type=HomePath(),
        help="The server's certificate with its chain, PEM; reloaded when it changes.",
    ),
    _knob("tls_key", type=HomePath(), help="Its private key, PEM, not encrypted."),
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
    _knob("model", type=click.Choice(MODEL_NAMES), help="The model."),
    _knob(
        "model_id",
        show_default="its name",
        help="What requests and answers call that model. Give a checkpoint of your own an id of "
        "its own.",
    ),
    _knob(
        "model_path",
        type=HomePath(),
        help="Checkpoint of that model; without it, it is fetched, or the packaged one is taken.",
    ),
    _knob(
        "also_model",
        type=named_model,
        multiple=True,
        metavar="[ID:]NAME[=CHECKPOINT]",
        show_default=False,
        help="A further model to serve, for collections of its own; may be given again (in the "
        "variable, separated by spaces). The models take turns on the same threads. ID is what "
        "requests call it, by default its name.",
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
    _knob("device", help="auto, cpu, cuda or cuda:N; auto takes CUDA where there is one."),
    _knob(
        "engine",
        type=click.Choice(ENGINES),
        help="What runs the models: torch, or OpenVINO, several times as fast on a CPU; auto takes "
        "OpenVINO on a CPU if it is installed.",
    ),
    _knob(
        "precision",
        type=click.Choice(PRECISIONS),
        help="auto takes bf16 where it is fast (OpenVINO on a CPU with bf16; a GPU from compute "
        "capability 8.0) and agrees with fp32, else fp32. int8 is faster still, on a CPU, with a "
        "cosine of at least 0.99 to fp32. All of them can share a collection.",
    ),
    _knob(
        "inference_threads",
        type=click.IntRange(min=0),
        help="CPU threads shared by the models; 0 takes all usable cores. Lower it to leave cores "
        "to other programs.",
    ),
    _knob(
        "preprocess_threads",
        type=POSITIVE,
        show_default="one per usable core",
        help="Threads that decode and resize pictures and tokenize texts; --max-decode-pixels "
        "bounds what they hold.",
    ),
    _knob(
        "max_batch_size",
        type=POSITIVE,
        help="Inputs that the model sees at once. More is faster in bulk and takes more memory.",
    ),
    _knob(
        "max_batch_ms",
        type=click.FloatRange(min=1),
        help="Expected time of a batch at most, in ms; bulk batches are limited to 200, or to 50 "
        "within half a minute of a query that would wait for them. A query waits for the running "
        "batch and, beside pictures, for a pause of 40 ms at most.",
    ),
    _knob(
        "max_queue_size",
        type=POSITIVE,
        help="Texts queued or in progress in each lane (interactive, bulk), and as many pictures, "
        "for all models. A low bound refuses callers early instead of making them wait.",
    ),
    _knob(
        "max_queue_bytes",
        type=POSITIVE,
        help="Bytes of pictures, as files and as pixels, queued or in progress in each lane, for "
        "all models; and as many of texts.",
    ),
    _knob(
        "max_decode_pixels",
        type=POSITIVE,
        help="Pixels decoded at one time, 4 bytes of memory each: 100 million are 0.4 GB. Some "
        "pictures count more than once, WebP up to 5.5 times; one that exceeds the bound by "
        "itself is decoded alone.",
    ),
    _knob("data_dir", type=HomePath(), help="Where the embedded store lives."),
    _knob("milvus_uri", help="A Milvus server, http://host:19530; without it, the embedded store."),
    _knob(
        "milvus_token",
        show_default=False,
        help="user:password or API key of the Milvus server; better in the variable, for everybody "
        "on this machine can read a command line.",
    ),
    _knob(
        "image_root",
        type=HomePath(exists=True, file_okay=False),
        help="Folder in which clients may name picture files instead of sending them, such as a "
        "shared disk; without it the server opens no file that a client names.",
    ),
    _knob("store_timeout_s", type=click.FloatRange(min=0.1), help="Deadline of a store call."),
    _knob(
        "drain_timeout_s",
        type=click.FloatRange(min=0),
        help="How long a stopping server may take to finish accepted calls.",
    ),
    _knob("metrics_host", help="Address to serve metrics on; they are not encrypted."),
    _knob(
        "metrics_port",
        type=click.IntRange(0, 65535),
        help="Port of Prometheus' metrics, at /metrics; 0 takes a free one. Without it there are "
        "none.",
    ),
    _knob(
        "traces",
        type=click.Choice(TRACES),
        help="Whether to send OpenTelemetry spans; auto does so if OTEL_EXPORTER_OTLP_ENDPOINT "
        "says where to.",
    ),
    _knob(
        "stream_idle_timeout_s",
        type=click.FloatRange(min=0.1),
        help="How long an ingest stream may be idle (no batch comes, or the client does not read) "
        "before it is ended. Resuming it loses nothing.",
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
    _limit("max_streams_per_client", "Ingest streams that one token, or one address, has open."),
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
