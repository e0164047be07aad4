"""Towers computed by OpenVINO on a CPU: converted from torch once, and kept on disk.

Pictures and texts are computed concurrently, in separate streams: a query does not wait for the
running batch of pictures. Pictures get several streams of few threads each. On two cores two
streams of one thread compute as many pictures a second as one stream of two, at any batch size, and
leave a query its share of the cores (ViT-B-16, bf16: 12 ms instead of 6 while pictures run, but 29
ms with one stream of two threads). That share is more than half, because threads that compute
pictures have a lower priority (`niceness.py`). In a stream of several threads only the first has a
lower one, because OpenVINO takes the others from a pool that texts use too. The figures here and in
`niceness.py` are for two cores.
"""

import contextlib
import gc
import hashlib
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
import structlog
from tihua._cores import usable_cores

from tihua_server.clip import openvino_cache
from tihua_server.clip.agreement import require_agreement
from tihua_server.clip.engine import model_failed, tower_failures
from tihua_server.clip.model import ClipModel, Towers
from tihua_server.clip.openvino_cache import Kept, KeptVerdict, Use
from tihua_server.clip.openvino_conversion import REVISION, Networks, converted, quantized
from tihua_server.clip.packed_text import pack
from tihua_server.errors import ConfigError, PrecisionTooLow
from tihua_server.niceness import lower_priority
from tihua_server.types import FloatArray, PixelArray, TokenArray

MAX_STREAM_THREADS = 4
"""Threads of one picture stream at most: beyond it a batch of a few pictures scales badly."""

MAX_TEXT_THREADS = 8
"""Threads of the text stream at most: a query is a few milliseconds of reading weights."""

PACKED_PADDING_COST = 0.05
"""Cost of one position of padding in a packed tower, in tokens: only attention computes it.
Measured: 0.051 where 32 texts of 8 tokens are padded to 52, 0.025 where to 32 (ViT-B-16 in bf16,
two cores of Zen 4)."""

INT8_GROUP = 128
"""Activations of a token that share one scale, where a text's weights are int8. With OpenVINO's own
32, a batch of 32 texts of 8 tokens takes 97 ms, with 128 it takes 64, with 256 61; a text alone
takes 7 with each. The lowest cosine to fp32 was 0.9987, 0.9986 and 0.9986 (ViT-B-16, random
weights, two cores of Zen 4); trained weights may have outlier activations, with which small groups
cope better."""

_log = structlog.get_logger("tihua")


class OpenVinoEngine:
    """Runs the towers with OpenVINO. Both methods are thread-safe."""

    name = "openvino"
    device = "cpu"

    def __init__(
        self,
        networks: Networks,
        precision: str,
        threads: int,
        use: Use | None = None,
    ) -> None:
        """Compile the towers.

        Args:
            networks: as `openvino_conversion.py` makes them.
            precision: `fp32`, `bf16` or `int8`.
            threads: CPU threads of all picture streams together, and of the text stream.
            use: keeps the files from which the towers are mapped from being swept.
        """
        self.precision = precision
        self._use = use
        self._packs_texts = len(networks.text.inputs) > 1
        self.padding_cost = PACKED_PADDING_COST if self._packs_texts else 1.0
        # Two if there are two threads; more where a stream would have too many.
        self.image_streams = max(min(threads, 2), -(-threads // MAX_STREAM_THREADS))
        hint = "f32" if precision == "fp32" or not computes_bf16() else "bf16"
        # Pinned threads of two streams would fight for the same core.
        settings = {"INFERENCE_PRECISION_HINT": hint, "ENABLE_CPU_PINNING": False}
        core = ov.Core()
        of_texts = {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": min(threads, MAX_TEXT_THREADS)}
        if precision == "int8":
            of_texts["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = INT8_GROUP
        self._text = _Tower(core, [(networks.text, settings | of_texts)])
        settings |= {"NUM_STREAMS": self.image_streams, "INFERENCE_NUM_THREADS": threads}
        parts = [(networks.image, settings)]
        if networks.lower is not None:
            parts.insert(0, (networks.lower, settings | {"INFERENCE_PRECISION_HINT": "f32"}))
        # Streams have their own threads, which inherit the niceness of the one that makes them.
        with ThreadPoolExecutor(1, initializer=lower_priority) as maker:
            self._image = maker.submit(_Tower, core, parts).result()

    def embed_texts(self, ids: TokenArray) -> FloatArray:
        """Return (batch, dim) float32, of any norm, for (batch, length) int64, padded with 0.

        Raises:
            ModelError: OpenVINO failed, for example by running out of memory.
        """
        return self._text.run(*pack(ids)) if self._packs_texts else self._text.run(ids)

    def embed_images(self, pixels: PixelArray) -> FloatArray:
        """Return (batch, dim) float32, of any norm, for (batch, side, side, 3) uint8 RGB.

        Raises:
            ModelError: OpenVINO failed, for example by running out of memory.
        """
        return self._image.run(pixels)


class _Tower:
    """Compiled networks that run in sequence, with a pool of requests; a call uses one of each."""

    def __init__(self, core: ov.Core, parts: Sequence[tuple[ov.Model, dict[str, Any]]]) -> None:
        compiled = [core.compile_model(network, "CPU", settings) for network, settings in parts]
        self._failures = tower_failures()
        self._idle: SimpleQueue[list[ov.InferRequest]] = SimpleQueue()
        for _ in range(compiled[-1].get_property("NUM_STREAMS")):
            self._idle.put([network.create_infer_request() for network in compiled])

    def run(self, rows: npt.NDArray[Any], *others: npt.NDArray[Any]) -> FloatArray:
        requests = self._idle.get()
        values = [rows, *others]
        try:
            for request in requests:
                request.infer(values, share_inputs=True, share_outputs=True)
                values = [request.get_output_tensor().data]
            # Copied while the request is ours: its next batch overwrites the output.
            features: FloatArray = np.array(values[0], dtype=np.float32)
        except RuntimeError as error:
            self._failures.log(error, batch_size=len(rows))
            raise model_failed(len(rows)) from error
        finally:
            self._idle.put(requests)
        self._failures.succeeded()
        return features


def computes_bf16() -> bool:
    """Return whether this CPU has instructions for bfloat16 (AVX512-BF16 or AMX)."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def cpu_capabilities() -> str:
    """Return what decides how this CPU rounds: its features by OpenVINO, and its vector units.

    OpenVINO does not list VNNI, for example, which int8 uses.
    """
    found = set(ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    with contextlib.suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        found |= set(re.findall(r"\b(?:avx|amx|fma|f16c|asimd|sve|i8mm|bf16)\w*", flags))
    return " ".join(sorted(found))


def make_openvino_engine(
    model: ClipModel, precision: str, *, threads: int, cache_dir: Path
) -> OpenVinoEngine:
    """Return the engine of a model, from the cache or newly converted.

    Args:
        model: the model to run.
        precision: `fp32`, `bf16` or `int8`.
        threads: CPU threads; 0 takes every core that this process may use.
        cache_dir: where converted models are kept, each as large as its weights in fp32, or a
            quarter of that in int8. If it is not writable, each start converts.

    Raises:
        PrecisionTooLow: the precision is too low for this model (`agreement.py`).
        ConfigError: this CPU has no bf16, or nncf, which int8 needs, is missing.
    """
    if precision == "bf16" and not computes_bf16():
        raise ConfigError(
            "this CPU has no instructions for bf16 (AVX512-BF16 or AMX), so OpenVINO would compute"
            " in fp32: start with --precision fp32, or auto"
        )
    threads = threads or usable_cores()
    # Two threads must not make their first tensor at once: openvino 2026.4.1 then hangs.
    ov.Tensor(np.zeros(1, dtype=np.float32))
    kind = "int8" if precision == "int8" else "fp32"
    version = ov.__version__.split("-")[0]
    folder = cache_dir / "openvino" / f"{model.ref.fingerprint}-{kind}-{version}-{REVISION}"
    networks, kept, towers = _networks(model, kind, folder)
    verdict = KeptVerdict(folder, _comparison(precision, kept.digest)) if kept else None
    if verdict and (refusal := verdict.refusal()):
        raise PrecisionTooLow(refusal)
    engine = OpenVinoEngine(networks, precision, threads, kept.use if kept else None)
    if not verdict or not verdict.agrees():
        _compare(engine, model, towers, verdict)
    del towers
    gc.collect()
    return engine


def _networks(
    model: ClipModel, kind: str, folder: Path
) -> tuple[Networks, Kept | None, Towers | None]:
    """Return a model's networks, the cache entry that holds them, and the towers they came from.

    The entry is None if it can't be written, the towers are None if nothing had to be converted.
    """
    if kept := openvino_cache.read(folder):
        return kept.networks, kept, None
    _log.info("converting the model for OpenVINO, once", model=model.ref.id, precision=kind)
    towers = model.towers()
    networks = converted(towers, model.image_size)
    if kind == "int8":
        networks = quantized(networks, model.image_size)
    if openvino_cache.keep(networks, folder):
        kept = openvino_cache.read(folder)
    return kept.networks if kept else networks, kept, towers


def _compare(
    engine: OpenVinoEngine, model: ClipModel, towers: Towers | None, verdict: KeptVerdict | None
) -> None:
    """Compare the engine with the model in fp32, and keep the verdict where that is possible."""
    try:
        require_agreement(engine, model, towers or model.towers())
    except PrecisionTooLow as error:
        if verdict:
            verdict.keep(error.message)
        raise
    if verdict:
        verdict.keep()


def _comparison(precision: str, digest: str) -> str:
    """Return the key of a comparison: the files, the precision and the CPU."""
    settings = f" {INT8_GROUP}" if precision == "int8" else ""
    key = hashlib.sha256(f"{digest} {cpu_capabilities()}{settings}".encode()).hexdigest()
    return f"{precision}-{key[:16]}"
