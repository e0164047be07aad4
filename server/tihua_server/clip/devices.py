"""The device that a model runs on."""

import torch

from tihua_server.errors import ConfigError


def torch_device(name: str) -> torch.device:
    """Return the device of a name: `auto` (CUDA where there is one, else the CPU), `cpu`, `cuda:N`.

    Raises:
        ConfigError: there is no such device here.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if count else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(
            f"there is no device {name!r}; it must be auto, cpu, cuda or cuda:N"
        ) from error
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type != "cuda" or (device.index or 0) >= count:
        raise ConfigError(
            f"device {name} can't be used: torch {torch.__version__} sees {count} CUDA devices"
            " here; start with --device cpu or auto"
        )
    return torch.device("cuda", device.index or 0)


def has_bf16(device: torch.device) -> bool:
    """Return whether a device is a GPU with instructions for bf16.

    Below compute capability 8.0 (T4, RTX 20xx) torch emulates them: correct, but slower than fp32.
    """
    return device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= 8
