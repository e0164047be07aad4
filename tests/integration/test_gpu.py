"""A GPU agrees with torch in fp32 on the CPU: every kind of tower, every precision.

`pytest -m gpu` takes a minute or two, including the training tests with this mark.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from random_checkpoint import random_state, write_published
from small_clip import small_clip
from tihua_server.clip.agreement import LOWEST_COSINE
from tihua_server.clip.architecture import architectures
from tihua_server.clip.chinese_clip import read_chinese_clip
from tihua_server.clip.encoder import ClipEncoder
from tihua_server.clip.loading import load_encoder
from tihua_server.clip.model import ClipModel
from tihua_server.clip.tiny_clip import read_tiny_clip
from tihua_server.clip.torch_engine import make_torch_engine
from tihua_server.config import Config
from tihua_server.packaged_gallery import gallery_pixels
from tihua_server.types import FloatArray

pytestmark = pytest.mark.gpu

GPU = torch.device("cuda", 0)
MAX_BATCH_SIZE = 4
COUNTS = (1, 3, MAX_BATCH_SIZE, MAX_BATCH_SIZE + 1)
"""Batches that fill a graph, are padded to fill one, or are split in two."""
TEXTS = ("猫", "夕阳西下", "雪地里奔跑的狗", "一只猫 and a DOG", "断肠人在天涯" * 20)


def _embeddings(encoder: ClipEncoder) -> FloatArray:
    pictures = gallery_pixels(max(COUNTS), encoder.info.image_size)
    ids = [encoder.tokenize(text).ids for text in TEXTS]
    return np.concatenate(
        [
            encode
            for count in COUNTS
            for encode in (
                encoder.encode_texts(ids[:count]),
                encoder.encode_images(pictures[:count]),
            )
        ]
    )


def _assert_agrees(model: ClipModel, precision: str) -> None:
    reference, ours = (
        _embeddings(
            ClipEncoder(
                model, make_torch_engine(model, device, asked, max_batch_size=MAX_BATCH_SIZE)
            )
        )
        for device, asked in ((torch.device("cpu"), "fp32"), (GPU, precision))
    )
    assert (ours * reference).sum(axis=1).min() >= LOWEST_COSINE[precision]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("read", [small_clip, read_tiny_clip])
def test_graphs_agree_with_the_reference(read: Callable[[], ClipModel], precision: str) -> None:
    """This covers a fused vision transformer, and the packaged model with its fp32 layers."""
    _assert_agrees(read(), precision)


def test_a_resnet_agrees_with_the_reference(tmp_path: Path) -> None:
    """The full RN50 with random weights, for which bf16 is too imprecise."""
    [architecture] = [each for each in architectures() if each.name == "RN50"]
    file = write_published(random_state(architecture), tmp_path / "rn50.pt")
    _assert_agrees(read_chinese_clip("RN50", path=file), "fp32")


def test_the_server_starts_on_it_by_itself() -> None:
    """The packaged model, as `tihua-server` without flags loads it."""
    info = load_encoder(Config()).info
    has_bf16 = torch.cuda.get_device_capability(GPU) >= (8, 0)
    assert (info.device, info.engine) == ("cuda:0", "torch")
    assert info.precision == ("bf16" if has_bf16 else "fp32")


_LOSES_THE_GPU = """
import numpy, torch
from tihua_server.clip.model import Towers
from tihua_server.errors import ModelError
from tihua_server.clip.torch_engine import TorchEngine

class Pixels(torch.nn.Module):
    def forward(self, rows):
        return rows.float().mean((1, 2))

class Table(torch.nn.Embedding):
    def forward(self, ids):
        return super().forward(ids).sum(1)

engine = TorchEngine(Towers(Pixels(), Table(9, 9)), 8, torch.device("cuda", 0), "fp32")
for ids in (1, 999, 1):
    try:
        engine.embed_texts(numpy.full((1, 8), ids))
        print("OK", flush=True)
    except ModelError as error:
        print(error.reason, flush=True)
"""
"""An index out of range fails an assertion on the device, and then every call fails."""


def test_a_gpu_that_fails_for_good_is_lost() -> None:
    """This runs in a separate process, because nothing repairs it afterwards."""
    result = subprocess.run(
        [sys.executable, "-c", _LOSES_THE_GPU],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.stdout.split() == ["OK", "DEVICE_LOST", "DEVICE_LOST"], result.stderr
