"""The arithmetic of docs/sizing.md: `python tests/support/sizing.py` prints its tables.

GB are 10^9 bytes, GiB 2^30.
"""

import math
import sys
from collections.abc import Callable, Sequence

COUNTS = tuple(10**power for power in range(5, 10))
DIMS = {"ViT-B-16": 512, "ViT-L-14": 768, "ViT-H-14, RN50": 1024}

M = 16
"""Links of HNSW, tihua's default."""

DISKANN_DEGREE = 56
SECTOR_BYTES = 4096
ROW_BYTES = 200
"""An id of 40 bytes, a uri of 80, metadata of 80."""

HEADROOM = 1.3
"""What loading, growing segments and searching take beside the index."""

NODE_GIB = 64
SEGMENT_BYTES = 2**30
JPEG_BYTES = 1_000_000
SQUARE_BYTES = 224 * 224 * 3
GIGABIT_BYTES_PER_S = 1e9 / 8
ROWS_PER_S = 10_000
"""Rows that one Milvus 2.3.5 took in a second, 512 dimensions."""

MEMORY: dict[str, Callable[[int], float]] = {
    "FLAT": lambda dim: 4 * dim,
    "IVF_FLAT": lambda dim: 4 * dim + 8,
    "IVF_SQ8": lambda dim: dim + 8,
    "HNSW": lambda dim: 4 * dim + 8 * M,
    "DISKANN": lambda dim: 0.125 * 4 * dim + 0.1 * 4 * dim,
}
"""Bytes of memory for a vector, by index."""

RATES = {
    "2 CPU cores, bf16 (measured)": 20.5,
    "H200, ViT-B-16, bf16, engine alone (measured)": 7531,
    "H200, ViT-B-16, one server, JPEGs of 1024 px, 16 cores (measured)": 367,
    "T4, ViT-B-16, torch": 1000 / 11.1,
    "T4, ViT-B-16, TensorRT": 1000 / 3.6,
    "TITAN RTX, ViT-B-16": 260.0,
    "T4, ViT-L-14, torch": 1000 / 21.2,
    "T4, ViT-H-14, torch": 1000 / 35.1,
}
"""Pictures a second."""


def disk_bytes(index: str, dim: int) -> float:
    """Return what a vector takes on disk: its binlog, its row, and its index."""
    if index != "DISKANN":
        return 4 * dim + ROW_BYTES + MEMORY[index](dim)
    node = 4 * dim + 4 + 4 * DISKANN_DEGREE
    in_sectors = (
        SECTOR_BYTES / (SECTOR_BYTES // node)
        if node <= SECTOR_BYTES
        else math.ceil(node / SECTOR_BYTES) * SECTOR_BYTES
    )
    return 4 * dim + ROW_BYTES + in_sectors


def memory_bytes(index: str, dim: int, count: int) -> float:
    """Return what the query nodes need together, for one replica in memory."""
    return count * (MEMORY[index](dim) + ROW_BYTES) * HEADROOM


def nodes(index: str, dim: int, count: int) -> int:
    """Return how many query nodes that takes."""
    return max(1, math.ceil(memory_bytes(index, dim, count) / (NODE_GIB * 2**30)))


def shards(count: int) -> int:
    """Return the number of shards: one for each hundred million, and no more than 16."""
    return min(16, max(1, math.ceil(count / 10**8)))


def quantity(value: float) -> str:
    """Return a number in three digits or whole, with thousands apart."""
    if value >= 100:
        return f"{round(value):,}".replace(",", " ")
    return f"{value:.3g}"


def size(count_bytes: float) -> str:
    """Return bytes as people say them."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count_bytes >= factor:
            return f"{quantity(count_bytes / factor)} {unit}"
    return f"{quantity(count_bytes)} B"


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    for unit, factor in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= (48 * 3_600 if unit == "d" else factor):
            return f"{quantity(seconds / factor)} {unit}"
    return f"{quantity(seconds)} s"


def power(count: int) -> str:
    """Return 10^n as it is written."""
    return f"10{'⁰¹²³⁴⁵⁶⁷⁸⁹'[round(math.log10(count))]}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tables() -> list[str]:
    """Return the tables of the page, in their order."""
    dims = [f"{dim} ({model})" for model, dim in DIMS.items()]
    counts = [power(count) for count in COUNTS]
    return [
        table(
            ["bytes of memory a vector", *dims],
            [
                [index, *(quantity(of(dim)) for dim in DIMS.values())]
                for index, of in MEMORY.items()
            ],
        ),
        table(
            ["bytes of disk a picture", *dims],
            [
                [index, *(quantity(disk_bytes(index, dim)) for dim in DIMS.values())]
                for index in MEMORY
            ],
        ),
        table(
            ["memory of the query nodes, 512", *counts],
            [[index, *(size(memory_bytes(index, 512, n)) for n in COUNTS)] for index in MEMORY],
        ),
        table(
            [f"query nodes of {NODE_GIB} GiB, 512", *counts],
            [
                *([index, *(str(nodes(index, 512, n)) for n in COUNTS)] for index in MEMORY),
                ["shards", *(str(shards(n)) for n in COUNTS)],
                ["sealed segments of 1 GiB", *(quantity(segments(n)) for n in COUNTS)],
            ],
        ),
        table(
            ["time to embed", "pictures/s", *counts],
            [
                [name, quantity(rate), *(duration(n / rate) for n in COUNTS)]
                for name, rate in RATES.items()
            ],
        ),
        table(
            ["to transfer", *counts],
            [
                ["files of 1 MB", *(size(n * JPEG_BYTES) for n in COUNTS)],
                [
                    "… at 1 Gbit/s",
                    *(duration(n * JPEG_BYTES / GIGABIT_BYTES_PER_S) for n in COUNTS),
                ],
                ["squares of 150 528 bytes", *(size(n * SQUARE_BYTES) for n in COUNTS)],
                [
                    "… at 1 Gbit/s",
                    *(duration(n * SQUARE_BYTES / GIGABIT_BYTES_PER_S) for n in COUNTS),
                ],
                [
                    f"rows into Milvus, {quantity(ROWS_PER_S)}/s",
                    *(duration(n / ROWS_PER_S) for n in COUNTS),
                ],
            ],
        ),
        worked(10**7, "HNSW", gpus=4),
        worked(10**9, "DISKANN", gpus=64),
    ]


def segments(count: int) -> int:
    """Return how many sealed segments the vectors fill, 512 dimensions."""
    return math.ceil(count * 4 * 512 / SEGMENT_BYTES)


def worked(count: int, index: str, *, gpus: int) -> str:
    """Return an example: pictures of ViT-B-16 on T4s."""
    rate = RATES["T4, ViT-B-16, torch"]
    memory = memory_bytes(index, 512, count)
    vector = f"{quantity(MEMORY[index](512))} + {ROW_BYTES}"
    return table(
        [f"{power(count)} pictures, {index}, 512", "calculation", "result"],
        [
            [
                "memory of the query nodes",
                f"{power(count)} × ({vector}) B × {HEADROOM}",
                size(memory),
            ],
            [
                f"query nodes of {NODE_GIB} GiB",
                f"{size(memory)} ÷ {size(NODE_GIB * 2**30)}, rounded up",
                str(nodes(index, 512, count)),
            ],
            [
                "disk",
                f"{power(count)} × {quantity(disk_bytes(index, 512))} B × 2 while segments merge",
                size(count * disk_bytes(index, 512) * 2),
            ],
            ["shards", f"{power(count)} ÷ 10⁸, at least 1", str(shards(count))],
            [
                f"embedding on {gpus} T4",
                f"{power(count)} ÷ ({gpus} × {quantity(rate)}/s)",
                duration(count / (gpus * rate)),
            ],
            [
                "rows a second into Milvus meanwhile",
                f"{gpus} × {quantity(rate)}",
                quantity(gpus * rate),
            ],
            [
                "network, squares",
                f"{gpus} × {quantity(rate)}/s × {SQUARE_BYTES:,} B".replace(",", " "),
                f"{size(gpus * rate * SQUARE_BYTES)}/s",
            ],
        ],
    )


if __name__ == "__main__":
    sys.stdout.write("\n\n".join(tables()) + "\n")
