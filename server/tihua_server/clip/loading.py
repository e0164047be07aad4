"""Loads the configured models, each with its engine, as `Encoder`s."""

import dataclasses
import functools
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from tihua_server.clip.engine import Engine
from tihua_server.config import DEFAULT_MODEL, Config, NamedModel
from tihua_server.errors import ConfigError, PrecisionTooLow
from tihua_server.extras import install_hint
from tihua_server.types import Encoder

# torch takes seconds to import: not before it is needed.
if TYPE_CHECKING:
    import torch

    from tihua_server.clip.model import ClipModel

ENGINES = ("auto", "torch", "openvino")
"""`auto` is torch on CUDA, and on a CPU OpenVINO where it is installed."""

PRECISIONS = ("auto", "fp32", "bf16", "int8")
"""`auto` is bf16 where it is fast (OpenVINO on a CPU with bf16; a GPU from compute capability 8.0)
and agrees with fp32, else fp32."""

_log = structlog.get_logger("tihua")


def load_encoders(config: Config) -> list[Encoder]:
    """Return the configured models, ready to encode, that of `config.model` first.

    They are loaded one at a time: meanwhile each takes several times its size in memory.

    Raises:
        ConfigError: the engine is not installed, or can't compute on that device or in that
            precision; there is no such device.
        ModelError: a file can't be read or fetched, or does not fit the architecture.
    """
    return [_load(named, config) for named in config.models]


def load_encoder(config: Config) -> Encoder:
    """Return the model of `config.model` alone; see `load_encoders`."""
    return _load(config.models[0], config)


def _load(named: NamedModel, config: Config) -> Encoder:
    from tihua_server.clip.devices import torch_device
    from tihua_server.clip.encoder import ClipEncoder

    device = torch_device(config.device)
    engine_name = _engine_name(config, device.type)
    model = _read_model(named, config)
    return ClipEncoder(model, _engine(engine_name, model, config, device))


def _read_model(named: NamedModel, config: Config) -> "ClipModel":
    if named.name == DEFAULT_MODEL:
        from tihua_server.clip.tiny_clip import read_tiny_clip

        model = read_tiny_clip(named.path)
    else:
        from tihua_server.clip.chinese_clip import read_chinese_clip

        model = read_chinese_clip(
            named.name,
            path=named.path,
            source=config.model_source,
            cache_dir=config.model_dir.expanduser(),
        )
    # The id is a label; a collection is bound to the fingerprint.
    return dataclasses.replace(model, ref=dataclasses.replace(model.ref, id=named.id))


def _engine(name: str, model: "ClipModel", config: Config, device: "torch.device") -> Engine:
    make: Callable[[str], Engine]
    if name == "openvino":
        from tihua_server.clip.openvino_engine import computes_bf16, make_openvino_engine

        is_bf16_fast = computes_bf16()
        make = functools.partial(
            make_openvino_engine,
            model,
            threads=config.inference_threads,
            cache_dir=config.model_dir.expanduser(),
        )
    else:
        import torch

        from tihua_server.clip.devices import has_bf16
        from tihua_server.clip.torch_engine import make_torch_engine

        if config.inference_threads:
            torch.set_num_threads(config.inference_threads)
        is_bf16_fast = has_bf16(device)
        make = functools.partial(
            make_torch_engine, model, device, max_batch_size=config.max_batch_size
        )
    if config.precision != "auto":
        return make(config.precision)
    return _bf16_or_fp32(make) if is_bf16_fast else make("fp32")


def _engine_name(config: Config, device_type: str) -> str:
    name = config.engine
    is_installed = importlib.util.find_spec("openvino") is not None
    if name == "auto":
        name = "openvino" if is_installed and device_type == "cpu" else "torch"
        if config.precision == "int8" and name == "torch":
            name = "openvino"
    if name == "openvino" and not is_installed:
        raise ConfigError(
            f"openvino is not installed: {install_hint('openvino')}, or start with --engine torch"
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
    # Only after the except block: the error keeps the bf16 engine alive.
    return make("fp32")
