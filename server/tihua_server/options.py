"""One flag and one environment variable of `tihua-server` for each knob of `Config`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import click

from tihua_server.config import TRACES, Config, Limits
from tihua_server.encoders import ENGINES, MODEL_NAMES, PRECISIONS
from tihua_server.logs import FORMATS, LEVELS

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
        **attributes,
    )


def _limit(name: str, text: str) -> Decorator:
    """Return the option of one field of `Limits`."""
    return _knob(name, default=getattr(DEFAULT_LIMITS, name), type=click.IntRange(min=1), help=text)


def named_model(value: str) -> tuple[str, Path | None]:
    """Return a model and its checkpoint, if there is one: `ViT-B-16=clip_cn_vit-b-16.pt`.

    Raises:
        click.BadParameter: there is no model of that name.
    """
    name, _, path = value.partition("=")
    if name not in MODEL_NAMES:
        raise click.BadParameter(f"{name!r} is not one of {', '.join(MODEL_NAMES)}")
    return name, Path(path) if path else None


OPTIONS = (
    _knob("host", help="Address to listen on; the default lets this machine in and nobody else."),
    _knob("port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one."),
    _knob(
        "tls_cert",
        type=click.Path(path_type=Path),
        help="Certificate of the server and those up to its CA, PEM; taken again when it changes.",
    ),
    _knob("tls_key", type=click.Path(path_type=Path), help="Its private key, PEM, not encrypted."),
    _knob(
        "tls_client_ca",
        type=click.Path(path_type=Path),
        help="CA whose certificates clients must have, PEM (mTLS).",
    ),
    _knob(
        "token_file",
        type=click.Path(path_type=Path),
        help="Who may call: lines of NAME ROLE TOKEN, the role being read, write or admin; taken "
        "again when it changes.",
    ),
    _knob(
        "insecure",
        is_flag=True,
        help="Let other machines in without TLS, or without knowing who they are.",
    ),
    _knob("model", type=click.Choice(MODEL_NAMES), help="The model."),
    _knob(
        "model_path",
        type=click.Path(path_type=Path),
        help="Checkpoint of that model; without it, it is fetched, or the packaged one is taken.",
    ),
    _knob(
        "also_model",
        type=named_model,
        multiple=True,
        metavar="NAME[=CHECKPOINT]",
        show_default=False,
        help="A further model to serve, for collections of its own; may be given again (in the "
        "variable, separated by spaces). The models take turns on the same threads.",
    ),
    _knob(
        "model_source",
        type=click.Choice(["huggingface", "modelscope"]),
        help="Hub to fetch checkpoints from.",
    ),
    _knob(
        "model_dir",
        type=click.Path(path_type=Path),
        help="Where fetched checkpoints and converted models are kept.",
    ),
    _knob("device", help="auto, cpu, cuda or cuda:N; auto takes CUDA where there is one."),
    _knob(
        "engine",
        type=click.Choice(ENGINES),
        help="What computes: torch, or OpenVINO, several times as fast on a CPU; auto takes "
        "OpenVINO on a CPU where it is installed.",
    ),
    _knob(
        "precision",
        type=click.Choice(PRECISIONS),
        help="auto takes bf16 where the device is made for it, else fp32. int8 is faster "
        "still on a CPU, for a cosine of at least 0.99 to fp32. All search one and the same "
        "collection.",
    ),
    _knob(
        "inference_threads",
        type=click.IntRange(min=0),
        help="CPU threads of the models together; 0 takes all usable cores. Lower it to leave room "
        "to others.",
    ),
    _knob(
        "preprocess_threads",
        type=POSITIVE,
        show_default="one per usable core",
        help="Threads that decode and resize pictures; --max-decode-pixels bounds what they hold.",
    ),
    _knob(
        "max_batch_size",
        type=POSITIVE,
        help="Inputs that the model sees at once. More is faster in bulk and takes more memory.",
    ),
    _knob(
        "max_batch_ms",
        type=click.FloatRange(min=1),
        help="What a batch may be expected to take; a query waits for the running one, and beside "
        "pictures for a rest of 40 at most.",
    ),
    _knob(
        "max_queue_size",
        type=POSITIVE,
        help="Texts that may wait or be worked on in each lane, and as many pictures, for all "
        "models. A low bound refuses callers early instead of letting them wait long.",
    ),
    _knob(
        "max_queue_bytes",
        type=POSITIVE,
        help="Bytes of pictures, files and pixels, that may wait in each lane, for all models; "
        "texts may have as many.",
    ),
    _knob(
        "max_decode_pixels",
        type=POSITIVE,
        help="Pixels of the pictures that are decoded at one time, as memory of 4 bytes each: 100 "
        "million are 0.4 GB. Some pictures count more than once, WebP up to 5.5 times; one that "
        "counts more than all is decoded alone.",
    ),
    _knob("data_dir", type=click.Path(path_type=Path), help="Where the embedded store lives."),
    _knob("milvus_uri", help="A Milvus server, http://host:19530; without it, the embedded store."),
    _knob(
        "milvus_token",
        show_default=False,
        help="user:password or API key of the Milvus server; better in the variable, for everybody "
        "on this machine can read a command line.",
    ),
    _knob(
        "image_root",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help="Folder of which clients may name picture files instead of sending them, a shared "
        "disk for example; without it the server opens no file that a client names.",
    ),
    _knob("store_timeout_s", type=click.FloatRange(min=0.1), help="Deadline of a store call."),
    _knob(
        "drain_timeout_s",
        type=click.FloatRange(min=0),
        help="How long a stopping server finishes what it accepted.",
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
        help="How long an ingest stream may rest before it is ended: no batch, or a client that "
        "does not read. Resuming it loses nothing.",
    ),
    _knob(
        "log_level",
        type=click.Choice(LEVELS),
        help="From much to little; info has a line for each call that fails, debug for every call.",
    ),
    _knob("log_format", type=click.Choice(FORMATS), help="For people or for machines."),
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
