"""The models by name, and the engine for each: makes an `Encoder` of the configuration."""

import dataclasses
import functools
import importlib.util
from collections.abc import Callable

import structlog

from tihua_server.config import DEFAULT_MODEL, Config
from tihua_server.engine import Engine
from tihua_server.errors import ConfigError, PrecisionTooLow
from tihua_server.extras import install
from tihua_server.types import Encoder

ENGINES = ("auto", "torch", "openvino")
"""`auto` is torch on CUDA, and on a CPU OpenVINO where it is installed."""

PRECISIONS = ("auto", "fp32", "bf16", "int8")
"""`auto` is bf16 where it is fast (OpenVINO on a CPU with bf16; a GPU from compute capability 8.0)
and agrees with fp32, else fp32."""

_log = structlog.get_logger("tihua")


def load_encoders(config: Config) -> list[Encoder]:
    """Return the configured models, that of `config.model` first.

    They are loaded one after the other: each takes several times its size meanwhile.

    Raises:
        ConfigError, ModelError: one of them can't be loaded; see `load_encoder`.
    """
    return [
        load_encoder(
            dataclasses.replace(
                config, model=each.name, model_path=each.path, model_id=each.id, also_model=()
            )
        )
        for each in config.models
    ]


def load_encoder(config: Config) -> Encoder:
    """Return the model of `config.model`, on its device, ready to encode.

    Raises:
        ConfigError: the engine is not installed, or can't compute on that device or in that
            precision; there is no such device.
        ModelError: the file can't be read or fetched, or does not fit the architecture.
    """
    # torch takes seconds to import: not before it is needed.
    from tihua_server.clip_encoder import ClipEncoder
    from tihua_server.devices import has_bf16, torch_device

    device = torch_device(config.device)
    engine_name = _engine_name(config, device.type)
    if config.model == DEFAULT_MODEL:
        from tihua_server.tiny_clip import read_tiny_clip

        model = read_tiny_clip(config.model_path)
    else:
        from tihua_server.chinese_clip import read_chinese_clip

        model = read_chinese_clip(
            config.model,
            path=config.model_path,
            source=config.model_source,
            cache_dir=config.model_dir.expanduser(),
        )
    # The name is a label: what binds a collection is the fingerprint.
    model = dataclasses.replace(
        model, ref=dataclasses.replace(model.ref, id=config.model_id or model.ref.id)
    )
    make: Callable[[str], Engine]
    if engine_name == "openvino":
        from tihua_server.openvino_engine import computes_bf16, make_openvino_engine

        is_bf16_fast = computes_bf16()
        make = functools.partial(
            make_openvino_engine,
            model,
            threads=config.inference_threads,
            cache_dir=config.model_dir.expanduser(),
        )
    else:
        import torch

        from tihua_server.torch_engine import make_torch_engine

        if config.inference_threads:
            torch.set_num_threads(config.inference_threads)
        is_bf16_fast = has_bf16(device)
        make = functools.partial(
            make_torch_engine, model, device, max_batch_size=config.max_batch_size
        )
    engine: Engine
    if config.precision != "auto":
        engine = make(config.precision)
    elif is_bf16_fast:
        engine = _bf16_or_fp32(make)
    else:
        engine = make("fp32")
    return ClipEncoder(model, engine)


def _engine_name(config: Config, device_type: str) -> str:
    name = config.engine
    is_installed = importlib.util.find_spec("openvino") is not None
    if name == "auto":
        name = "openvino" if is_installed and device_type == "cpu" else "torch"
        if config.precision == "int8" and name == "torch":
            name = "openvino"
    if name == "openvino" and not is_installed:
        raise ConfigError(
            f"openvino is not installed: {install('openvino')}, or start with --engine torch"
        )
    if name == "openvino" and device_type != "cpu":
        raise ConfigError(
            f"openvino computes on a CPU, not on {device_type}: start with --device cpu"
        )
    if name == "torch" and config.precision == "int8":
        raise ConfigError(
            "torch computes in fp32 and bf16; for int8 start with --engine openvino --device cpu"
        )
    return name


def _bf16_or_fp32(make: Callable[[str], Engine]) -> Engine:
    try:
        return make("bf16")
    except PrecisionTooLow as error:
        _log.warning("bf16 is too imprecise for this model; using fp32", reason=error.message)
    # Only now: the error holds what was made in bf16.
    return make("fp32")
