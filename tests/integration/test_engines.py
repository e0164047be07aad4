"""Every engine and precision agrees with torch in fp32, within the stated bounds."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_clip import small_clip, small_towers
from structlog.testing import capture_logs
from tihua_server.clip.agreement import LOWEST_COSINE, require_agreement
from tihua_server.clip.encoder import ClipEncoder
from tihua_server.clip.engine import Engine
from tihua_server.clip.loading import load_encoder
from tihua_server.clip.model import Towers
from tihua_server.clip.openvino_engine import computes_bf16, make_openvino_engine
from tihua_server.clip.torch_engine import TorchEngine, make_torch_engine
from tihua_server.config import Config
from tihua_server.errors import ConfigError, ModelError, PrecisionTooLow
from tihua_server.packaged_gallery import gallery_pixels
from tihua_server.types import FloatArray, PixelArray, TokenArray
from torch import nn

CPU = torch.device("cpu")
TEXTS = ("猫", "夕阳西下", "雪地里奔跑的狗", "一只猫 and a DOG", "断肠人在天涯" * 20)
PICTURES = gallery_pixels(12, 64)


def reference() -> ClipEncoder:
    """Return the small model, computed by torch in fp32."""
    return ClipEncoder(small_clip(), make_torch_engine(small_clip(), CPU, "fp32"))


def embeddings(encoder: ClipEncoder) -> FloatArray:
    """Return the embeddings of the texts and the pictures."""
    texts = encoder.encode_texts([encoder.tokenize(text).ids for text in TEXTS])
    return np.concatenate([texts, encoder.encode_images(PICTURES)])


def on_torch(precision: str, folder: Path) -> Engine:
    """Return torch's engine for the small model."""
    return make_torch_engine(small_clip(), CPU, precision)


def on_openvino(precision: str, folder: Path) -> Engine:
    """Return OpenVINO's engine for the small model, which a folder may have converted already."""
    return make_openvino_engine(small_clip(), precision, threads=2, cache_dir=folder)


@pytest.fixture
def cache(small_cache: Path, tmp_path: Path) -> Path:
    """Return a copy of the cache that has the small model in fp32, which serves bf16 too."""
    return shutil.copytree(small_cache, tmp_path / "cache")


@pytest.mark.parametrize(
    ("make", "precision"),
    [
        (on_torch, "bf16"),
        (on_openvino, "fp32"),
        pytest.param(
            on_openvino,
            "bf16",
            marks=pytest.mark.skipif(not computes_bf16(), reason="a CPU without bf16"),
        ),
        (on_openvino, "int8"),
    ],
)
def test_embeddings_agree_with_the_reference(
    make: Callable[[str, Path], Engine], precision: str, cache: Path
) -> None:
    """Each embedding has at least the cosine required of its precision, and L2 norm 1."""
    rows = embeddings(ClipEncoder(small_clip(), make(precision, cache)))
    cosines = (rows * embeddings(reference())).sum(axis=1)
    assert cosines.min() >= LOWEST_COSINE[precision]
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("make", [on_torch, on_openvino])
def test_why_a_batch_failed_is_logged(make: Callable[[str, Path], Engine], cache: Path) -> None:
    """Callers only learn that it failed; here the pictures have half the required side."""
    engine = make("fp32", cache)
    with (
        capture_logs() as logs,
        pytest.raises(ModelError, match="on a batch of 2; the server's log says why") as failed,
    ):
        engine.embed_images(np.zeros((2, 32, 32, 3), np.uint8))
    [entry] = [entry for entry in logs if entry["event"] == "model failed"]
    assert entry["batch_size"] == 2
    assert isinstance(entry["exc_info"], RuntimeError)
    assert entry["exc_info"] is failed.value.__cause__


def test_texts_and_pictures_are_computed_at_once(cache: Path) -> None:
    """Calls from several threads get their own rows."""
    engine = on_openvino("fp32", cache)
    encoder = ClipEncoder(small_clip(), engine)
    expected = embeddings(encoder)
    assert encoder.image_streams == 2
    with ThreadPoolExecutor(4) as threads:
        for rows in threads.map(lambda _: embeddings(encoder), range(12)):
            np.testing.assert_allclose(rows, expected, atol=1e-5)


class _Strayed:
    """An engine whose embeddings point elsewhere."""

    name, device, precision, image_streams, padding_cost = "torch", "cpu", "bf16", 0, 1.0

    def embed_texts(self, ids: TokenArray) -> FloatArray:
        """Return what no text tower would."""
        return np.ones((len(ids), 64), np.float32)

    def embed_images(self, pixels: PixelArray) -> FloatArray:
        """Return what no image tower would."""
        return np.ones((len(pixels), 64), np.float32)


def test_an_engine_that_strays_is_refused() -> None:
    """The error names the precision, the cosine, the bound and the remedy."""
    with pytest.raises(
        ModelError,
        match=r"bf16 by torch gives texts of small a cosine of -?0\.\d+ to fp32; at least 0\.9995"
        r" is needed.*--precision fp32",
    ):
        require_agreement(_Strayed(), small_clip(), small_towers())


class _MixedUp:
    """An engine that returns the embeddings of one kind of input in the wrong order."""

    name, device, precision, image_streams, padding_cost = "torch", "cpu", "fp32", 0, 1.0

    def __init__(self, kind: str) -> None:
        self._towers = small_towers()
        self._kind = kind

    def embed_texts(self, ids: TokenArray) -> FloatArray:
        """Return the embeddings of the reference, reversed if texts are mixed up."""
        with torch.inference_mode():
            rows = self._towers.text(torch.from_numpy(ids)).numpy()
        return np.asarray(rows[::-1] if self._kind == "texts" else rows)

    def embed_images(self, pixels: PixelArray) -> FloatArray:
        """Return the embeddings of the reference, reversed if pictures are mixed up."""
        with torch.inference_mode():
            rows = self._towers.image(torch.from_numpy(pixels)).numpy()
        return np.asarray(rows[::-1] if self._kind == "pictures" else rows)


@pytest.mark.parametrize("kind", ["texts", "pictures"])
def test_an_engine_that_strays_in_batches_is_refused(kind: str) -> None:
    """Padding, packing and graphs only affect batches of several inputs."""
    with pytest.raises(ModelError, match=f"fp32 by torch gives {kind} of small a cosine of"):
        require_agreement(_MixedUp(kind), small_clip(), small_towers())


class _Ending(nn.Module):
    """A tower whose every run ends the same way."""

    def __init__(self, ending: Exception | torch.Tensor) -> None:
        super().__init__()
        self.ending = ending

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Raise, or return."""
        if isinstance(self.ending, Exception):
            raise self.ending
        return self.ending


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "MODEL_OUT_OF_MEMORY"),
        (RuntimeError("can't allocate memory"), "MODEL_ERROR"),
        (MemoryError(), "MODEL_ERROR"),
        (torch.tensor([[1.0, float("nan")]]), "MODEL_NOT_FINITE"),
        (torch.zeros(1, 64), "MODEL_NOT_FINITE"),
    ],
)
def test_a_failing_network_is_a_model_error(ending: Exception | torch.Tensor, reason: str) -> None:
    """Whatever torch raises, and results that are not finite, reach the caller as `ModelError`."""
    towers = Towers(_Ending(ending), _Ending(ending))
    encoder = ClipEncoder(small_clip(), TorchEngine(towers, 64, CPU, "fp32"))
    with pytest.raises(ModelError) as of_text:
        encoder.encode_texts([encoder.tokenize("夕阳").ids])
    with pytest.raises(ModelError) as of_image:
        encoder.encode_images(PICTURES[:1])
    assert [of_text.value.reason, of_image.value.reason] == [reason, reason]


def test_a_batch_too_large_for_the_memory_is_logged() -> None:
    """Torch says how much was requested and how much was free: the operator needs both."""
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    engine = TorchEngine(Towers(_Ending(error), _Ending(error)), 64, CPU, "fp32")
    with capture_logs() as logs, pytest.raises(ModelError, match="smaller --max-batch-size"):
        engine.embed_images(np.zeros((1, 64, 64, 3), np.uint8))
    [entry] = [entry for entry in logs if entry["event"] == "model failed"]
    assert entry["exc_info"] is error


def test_int8_is_not_for_torch() -> None:
    """The error says which engine computes in int8."""
    with pytest.raises(ConfigError, match=r"int8 start with --engine openvino"):
        load_encoder(Config(engine="torch", precision="int8"))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Config:
    """Return the configuration with which `load_encoder` loads the small model."""
    monkeypatch.setattr("tihua_server.clip.loading.DEFAULT_MODEL", "small")
    monkeypatch.setattr("tihua_server.clip.tiny_clip.read_tiny_clip", lambda _: small_clip())
    return Config(model="small", device="cpu", engine="openvino", model_dir=cache)


@pytest.mark.skipif(not computes_bf16(), reason="a CPU without bf16")
def test_a_model_that_strays_in_bf16_is_served_in_fp32(
    monkeypatch: pytest.MonkeyPatch, small: Config
) -> None:
    """`auto` does so at every start, with a warning; an explicit bf16 is refused."""
    monkeypatch.setitem(LOWEST_COSINE, "bf16", 1.1)
    for _ in range(2):
        with capture_logs() as logs:
            assert load_encoder(small).info.precision == "fp32"
        [warning] = [entry for entry in logs if entry["log_level"] == "warning"]
        assert re.search(r"bf16 by openvino .* cosine of \d\.\d+ to fp32", warning["reason"])
        with pytest.raises(PrecisionTooLow, match=re.escape(warning["reason"])):
            load_encoder(replace(small, precision="bf16"))


def test_bf16_is_refused_where_openvino_would_compute_in_fp32(
    monkeypatch: pytest.MonkeyPatch, small: Config
) -> None:
    """On a CPU without bf16, the error says what to start with, and `auto` starts."""
    monkeypatch.setattr("tihua_server.clip.openvino_engine.computes_bf16", lambda: False)
    with pytest.raises(ConfigError, match=r"no instructions for bf16 .* --precision fp32, or auto"):
        on_openvino("bf16", small.model_dir)
    assert load_encoder(small).info.precision == "fp32"


def test_an_engine_that_is_not_installed_is_told_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Naming the engine is an error; `auto` does without it."""

    def nothing(name: str) -> None:
        return None

    monkeypatch.setattr("tihua_server.clip.loading.importlib.util.find_spec", nothing)
    with pytest.raises(ConfigError, match=r"pip install \. '\./server\[openvino\]'"):
        load_encoder(Config(engine="openvino"))
    assert load_encoder(Config(device="cpu")).info.engine == "torch"


@pytest.fixture(scope="module")
def packaged_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tests below keep their conversions of the packaged model."""
    return tmp_path_factory.mktemp("packaged")


@pytest.fixture(scope="module")
def packaged_rows() -> tuple[list[PixelArray], FloatArray]:
    """Pictures other than those of the comparison at the start, and their embeddings in fp32."""
    reference = load_encoder(Config(device="cpu", engine="torch", precision="fp32"))
    pictures = gallery_pixels(40, reference.info.image_size)
    return pictures, reference.encode_images(pictures)


@pytest.mark.parametrize(
    ("engine", "precision"),
    [
        ("torch", "bf16"),
        ("openvino", "fp32"),
        pytest.param(
            "openvino",
            "bf16",
            marks=pytest.mark.skipif(not computes_bf16(), reason="a CPU without bf16"),
        ),
        ("openvino", "int8"),
    ],
)
def test_the_packaged_model_bears_every_precision(
    engine: str,
    precision: str,
    packaged_cache: Path,
    packaged_rows: tuple[list[PixelArray], FloatArray],
) -> None:
    """Rounding would spoil its first layers, so they are computed in fp32."""
    if precision == "int8":
        pytest.importorskip("nncf")
    config = Config(device="cpu", model_dir=packaged_cache, engine=engine, precision=precision)
    encoder = load_encoder(config)
    pictures, expected = packaged_rows
    cosines = (encoder.encode_images(pictures) * expected).sum(axis=1)
    assert encoder.info.precision == precision
    assert cosines.min() >= LOWEST_COSINE[precision]


@pytest.mark.skipif(not computes_bf16(), reason="a CPU without bf16")
def test_the_packaged_model_is_served_in_bf16_where_the_cpu_has_it(packaged_cache: Path) -> None:
    """`auto` chooses it, because the embeddings agree with fp32."""
    info = load_encoder(Config(device="cpu", model_dir=packaged_cache)).info
    assert (info.engine, info.precision) == ("openvino", "bf16")


def test_the_embeddings_of_one_batch_outlast_the_next_on_openvino(cache: Path) -> None:
    """OpenVINO's inference requests are reused, and their memory with them."""
    engine = on_openvino("fp32", cache)
    ids = np.array([[101, 9, 8, 102]], np.int64)
    pictures = np.stack(PICTURES[:1])
    embedded = engine.embed_images(pictures), engine.embed_texts(ids)
    kept = [rows.copy() for rows in embedded]
    for _ in range(4):  # each stream has its own request
        engine.embed_images(255 - pictures)
        engine.embed_texts(ids[:, ::-1].copy())
    for rows, same in zip(embedded, kept, strict=True):
        np.testing.assert_array_equal(rows, same)


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is of a thread on Linux alone")
def test_pictures_stand_back_for_queries_on_openvino(cache: Path) -> None:
    """Each stream of pictures has a thread of higher niceness than this one, for texts."""
    tasks = Path("/proc/self/task")
    before = set(tasks.iterdir())
    engine = on_openvino("fp32", cache)
    made = set(tasks.iterdir()) - before
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    nicer = [task for task in made if os.getpriority(os.PRIO_PROCESS, int(task.name)) > own]
    assert len(nicer) >= engine.image_streams


@pytest.mark.parametrize("threads", [1, 2])
def test_openvino_computes_in_as_many_threads_as_it_is_given(threads: int) -> None:
    """With so few threads, each is a stream of pictures."""
    config = Config(engine="openvino", inference_threads=threads)
    assert load_encoder(config).image_streams == threads


def test_torch_computes_in_as_many_threads_as_it_is_given() -> None:
    """The number is independent of the cores, and applies to the whole process."""
    program = (
        "import torch\n"
        "from tihua_server.config import Config\n"
        "from tihua_server.clip.loading import load_encoder\n"
        "load_encoder(Config(engine='torch', device='cpu', inference_threads=3))\n"
        "print(torch.get_num_threads())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "3\n", done.stderr
