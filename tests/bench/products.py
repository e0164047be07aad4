"""The processor's own peak: products of matrices alone, as OpenVINO computes them.

The matrices are those of a feed-forward layer of ViT-B-16, 768→3072→768, several one after the
other: two thirds of what its vision tower computes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import openvino as ov
import openvino.opset13 as ops
from tihua._cores import usable_cores
from tihua_server.clip.chinese_clip import read_chinese_clip
from tihua_server.clip.openvino_engine import computes_bf16

from bench.companion import answer
from bench.engine import batches_per_second
from bench.flops import count_flops

NARROW, WIDE = 768, 3072
LAYERS = 4
TOKENS = 197
"""Tokens of a picture."""


def reply(
    *,
    precision: str = "",
    pictures: Sequence[int] = (1,),
    streams: int = 1,
    seconds: float = 1.0,
    model: str = "",
    weights: str = "",
) -> float:
    """Return the best rate of the products, in operations a second.

    Given a model, return the operations that its vision tower takes for a picture instead.

    Args:
        precision: `fp32`, `bf16` or `int8`.
        pictures: numbers of pictures whose tokens form one matrix; the best counts.
        streams: how many products all cores compute concurrently, 1 or more.
        seconds: duration of each measurement.
        model: cn_clip's name of an architecture whose vision tower's operations are to be counted.
        weights: its checkpoint.
    """
    if model:
        clip = read_chinese_clip(model, path=Path(weights))
        return count_flops(clip.towers().image, clip.image_size)
    rates = []
    for count in pictures:
        compute = _products(count * TOKENS, precision, streams)
        flops = 2 * count * TOKENS * LAYERS * 2 * NARROW * WIDE
        rates.append(flops * batches_per_second(compute, streams, seconds))
    return max(rates)


def _products(rows: int, precision: str, streams: int) -> Callable[[], object]:
    generator = np.random.default_rng(0)
    states = generator.standard_normal((rows, NARROW), dtype=np.float32)
    value = entry = ops.parameter(states.shape, ov.Type.f32)
    for _ in range(LAYERS):
        for inner, outer in ((NARROW, WIDE), (WIDE, NARROW)):
            matrix = generator.standard_normal((inner, outer), dtype=np.float32) / inner**0.5
            value = ops.matmul(value, ops.constant(matrix), transpose_a=False, transpose_b=False)
    network = ov.Model([value], [entry])
    if precision == "int8":
        import nncf

        network = nncf.quantize(network, nncf.Dataset([states]), subset_size=1)
    # As our engine does, which computes int8's other layers in bf16 only where the CPU can.
    has_bf16 = precision != "fp32" and computes_bf16()
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if has_bf16 else "f32",
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": usable_cores(),
        "ENABLE_CPU_PINNING": False,
    }
    compiled = ov.Core().compile_model(network, "CPU", settings)
    idle: SimpleQueue[ov.InferRequest] = SimpleQueue()
    for _ in range(streams):
        idle.put(compiled.create_infer_request())

    def compute() -> None:
        request = idle.get()
        request.infer([states], share_inputs=True)
        idle.put(request)

    return compute


if __name__ == "__main__":
    answer(reply)
