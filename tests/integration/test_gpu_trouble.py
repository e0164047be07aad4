"""A GPU without bf16, too full, unsupported or lost, simulated where there is none."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pytest
import torch
from small_clip import small_clip
from tihua_server.clip import torch_engine
from tihua_server.clip.loading import load_encoder
from tihua_server.clip.model import ClipModel, Towers
from tihua_server.clip.torch_engine import TorchEngine, make_torch_engine
from tihua_server.config import Config
from tihua_server.errors import DeviceLost, ModelError
from torch import nn

GPU = torch.device("cuda", 1)
IDS = np.ones((2, 8), np.int64)


class _Tower(nn.Module):
    """A tower that stays on its device, and runs a given function."""

    def __init__(self, compute: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self._compute = compute

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Do nothing."""
        return self

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Compute."""
        return self._compute(rows)


class _Graphs:
    """Replaces the graphs of a tower: runs it once instead of capturing, and once per call."""

    def __init__(
        self,
        tower: nn.Module,
        examples: Sequence[torch.Tensor],
        device: torch.device,
        *,
        max_batch_size: int,
    ) -> None:
        self._tower = tower
        tower(examples[0])

    def __call__(self, rows: npt.NDArray[Any]) -> torch.Tensor:
        """Compute."""
        return torch.as_tensor(self._tower(torch.from_numpy(rows)))


@pytest.fixture
def current(monkeypatch: pytest.MonkeyPatch) -> list[torch.device]:
    """Simulate CUDA; return the stack of current devices, the active one last."""
    chosen = [torch.device("cuda", 0)]

    @contextlib.contextmanager
    def choose(device: torch.device) -> Iterator[None]:
        chosen.append(device)
        yield
        chosen.pop()

    monkeypatch.setattr(torch.cuda, "device", choose)
    monkeypatch.setattr(torch_engine, "GraphedTower", _Graphs)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    return chosen


def _engine(compute: Callable[[torch.Tensor], torch.Tensor]) -> TorchEngine:
    return TorchEngine(Towers(_Tower(compute), _Tower(compute)), 64, GPU, "fp32")


@pytest.mark.parametrize(("capability", "precision"), [((7, 5), "fp32"), ((8, 0), "bf16")])
def test_bf16_is_taken_where_the_gpu_has_it(
    capability: tuple[int, int], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A T4 only emulates bf16, and is faster in fp32; an explicit bf16 is still honoured."""
    made = []

    def make(model: ClipModel, device: torch.device, asked: str, **_: Any) -> TorchEngine:
        made.append((device, asked))
        return make_torch_engine(model, torch.device("cpu"), "fp32")

    monkeypatch.setattr("tihua_server.clip.loading.DEFAULT_MODEL", "small")
    monkeypatch.setattr("tihua_server.clip.tiny_clip.read_tiny_clip", lambda _: small_clip())
    monkeypatch.setattr("tihua_server.clip.devices.torch_device", lambda _: GPU)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(torch_engine, "make_torch_engine", make)
    load_encoder(Config(model="small"))
    load_encoder(Config(model="small", precision="bf16"))
    assert made == [(GPU, precision), (GPU, "bf16")]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate."), "MODEL_OUT_OF_MEMORY"),
        # The error of a GPU that another process has filled, before torch can allocate anything.
        (RuntimeError("CUDA error: out of memory\nFor debugging …"), "MODEL_OUT_OF_MEMORY"),
        (RuntimeError("CUDA error: no kernel image is available\nFor …"), "MODEL_DEVICE_FAILED"),
    ],
)
@pytest.mark.usefixtures("current")
def test_a_gpu_on_which_no_model_can_be_set_up_is_one_line(
    error: RuntimeError, reason: str
) -> None:
    """The error names the GPU and the remedy."""

    def refuse(_: torch.Tensor) -> torch.Tensor:
        raise error

    with pytest.raises(ModelError, match=r"^cuda:1 [^\n]*--device cpu[^\n]*$") as refused:
        _engine(refuse)
    assert refused.value.reason == reason


def test_all_that_is_computed_is_on_the_gpu_that_was_named(current: list[torch.device]) -> None:
    """Whatever torch runs on the current device would otherwise fill another server's GPU."""
    seen = []

    def compute(rows: torch.Tensor) -> torch.Tensor:
        seen.append(current[-1])
        return torch.ones(len(rows), 64)

    engine = _engine(compute)
    assert engine.embed_texts(IDS).shape == (2, 64)
    assert seen == [GPU] * 3
    assert current == [torch.device("cuda", 0)]


class _Homeless(_Tower):
    """A tower that can't be moved to the GPU."""

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Fail as torch does."""
        raise RuntimeError("CUDA error: no kernel image is available")


@pytest.mark.usefixtures("current")
def test_fp32_is_not_rounded_by_convolutions_in_any_precision() -> None:
    """A tower in bf16 may have layers that need fp32."""
    with pytest.raises(ModelError):
        # The setting under test is made before this fails.
        TorchEngine(Towers(_Homeless(abs), _Homeless(abs)), 64, GPU, "bf16")
    assert not torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("is_lost", [True, False])
@pytest.mark.usefixtures("current")
def test_a_lost_gpu_is_told_from_a_batch_that_failed(
    is_lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine synchronizes once more: a lost GPU fails at everything until the process ends."""
    faults: list[RuntimeError] = []

    def compute(rows: torch.Tensor) -> torch.Tensor:
        if faults:
            raise faults[0]
        return torch.ones(len(rows), 64)

    def synchronize(device: torch.device) -> None:
        assert device == GPU
        if is_lost:
            raise faults[0]

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    engine = _engine(compute)
    faults.append(RuntimeError("CUDA error: an illegal memory access was encountered"))
    with pytest.raises(ModelError) as failed:
        engine.embed_texts(IDS)
    assert type(failed.value) is (DeviceLost if is_lost else ModelError)
