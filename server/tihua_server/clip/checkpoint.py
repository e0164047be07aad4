"""Checkpoints of Chinese-CLIP: fetched from a hub, and read without running code in them.

The published format is `{"state_dict": {"module.<name>": tensor}}`, in float32; files written by
cn_clip's training also hold an optimizer. A bare state dict is read too.
"""

import importlib
import pickle
import socket
import urllib.request
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import structlog
import torch

from tihua_server.clip.torchvision_operators import define_missing_operators
from tihua_server.config import MODEL_SOURCES
from tihua_server.errors import ModelError
from tihua_server.extras import install_hint

_log = structlog.get_logger("tihua")

_CONNECT_TIMEOUT_S = 5.0
"""How long a hub may take to accept a connection before it counts as unreachable.

Checked before the hub's own library is called, because that keeps retrying: for 23 s (Hugging Face)
or 45 s (ModelScope) where connections are refused, longer where packets are dropped.
"""


def fetch_checkpoint(name: str, *, source: str, cache_dir: Path) -> Path:
    """Return the file of a published model, fetched by cn_clip's own loader if it is not there.

    Args:
        name: cn_clip's name of the model: `ViT-B-16`.
        source: one of `MODEL_SOURCES`.
        cache_dir: the directory that keeps fetched files; created if needed.

    Raises:
        ModelError: the file is not there and can't be fetched. The message, one line, says which
            other source there is, and which file to put where.
    """
    define_missing_operators()
    from cn_clip.clip import utils

    repository: str
    filename: str
    repository, filename = utils._MODELS[name]  # noqa: SLF001
    target = cache_dir / filename
    if target.is_file():
        return target
    is_modelscope = source == "modelscope"
    owner = utils._MODELSCOPE_ORG if is_modelscope else utils._HUGGINGFACE_ORG  # noqa: SLF001
    try:
        hub = _modelscope_endpoint() if is_modelscope else _huggingface_endpoint()
        _require_answer(hub)
        _log.info(
            "fetching a checkpoint, which may take minutes",
            file=filename,
            hub=urlsplit(hub).netloc.rpartition("@")[2],  # without a password
            repository=f"{owner}/{repository}",
            path=str(target),
        )
        return Path(utils._download(name, str(cache_dir), is_modelscope))  # noqa: SLF001
    # Each hub's library has a tree of errors of its own, and neither is a dependency of ours.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        [other] = set(MODEL_SOURCES) - {source}
        raise ModelError(
            f"{name} can't be fetched from {source} ({reason}): start with --model-source {other},"
            f" or fetch {filename} of {owner}/{repository} elsewhere and put it at {target}, or"
            f" start with --model-path naming it",
            reason="MODEL_NOT_FETCHED",
        ) from error


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a checkpoint by the names that the model gives them.

    Names lose the prefix `module.`, and BERT's pooler, which Chinese-CLIP does not have, is left
    out: both as cn_clip does. The file is mapped into memory, so it must stay as it is while the
    tensors are in use.

    Raises:
        ModelError: there is no such file, it is not a checkpoint, or it holds objects other than
            tensors and plain values, which could run code (`weights_only=True`).
    """
    if not path.is_file():
        raise ModelError(f"there is no checkpoint at {path}; --model-path must name a .pt file")
    try:
        # torch warns of what it then refuses; the server has one thread when it reads its model.
        with warnings.catch_warnings(action="ignore"):
            # Files written before torch 1.6 are not zip archives and can't be mapped.
            content = torch.load(
                path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
            )
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, pickle.PickleError) as error:
        raise ModelError(
            f"{path} can't be read as a checkpoint; it must be a whole file that torch.save"
            " wrote, and hold tensors and plain values only, because anything else could run code",
            reason="CHECKPOINT_UNREADABLE",
        ) from error
    state = content.get("state_dict", content) if isinstance(content, Mapping) else {}
    tensors = {
        str(name).removeprefix("module."): tensor
        for name, tensor in (state.items() if isinstance(state, Mapping) else ())
        if isinstance(tensor, torch.Tensor) and "bert.pooler" not in str(name)
    }
    if not tensors:
        raise ModelError(
            f"{path} holds no tensors by name; save it as"
            ' torch.save({"state_dict": model.state_dict()}, path)',
            reason="CHECKPOINT_UNREADABLE",
        )
    return tensors


def _require_answer(endpoint: str) -> None:
    """Raise OSError unless the hub accepts a connection; through a proxy, check nothing."""
    url = urlsplit(endpoint)
    host = url.hostname or ""
    proxies = urllib.request.getproxies()  # also of `no_proxy`, under `no`
    if proxies.keys() & {url.scheme, "all"} and not urllib.request.proxy_bypass(host):
        return
    port = url.port or (80 if url.scheme == "http" else 443)
    try:
        socket.create_connection((host, port), _CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise ConnectionError(f"{host} does not answer: {error}") from error


def _huggingface_endpoint() -> str:
    from huggingface_hub import constants

    return constants.ENDPOINT


def _modelscope_endpoint() -> str:
    try:
        library = importlib.import_module("modelscope.hub.utils.utils")
    except ImportError as error:
        raise RuntimeError(
            f"the package modelscope is not installed; {install_hint('modelscope')}"
        ) from error
    return str(library.get_endpoint())
