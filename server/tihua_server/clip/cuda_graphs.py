"""A tower on a GPU as CUDA graphs: hundreds of kernel launches become one.

A graph has fixed shapes, so there is one for each of a few batch sizes and text lengths, and a
batch is padded to the next larger one. All are captured before the server reports SERVING.
"""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import torch
from torch import nn

TEXT_LENGTHS = (8, 16, 32, 52)
"""Most queries have up to 14 characters, most captions up to 30 (Flickr8k-CN)."""

_WARM_UP_RUNS = 3
"""Before capture, on a side stream, as torch's documentation of CUDA graphs asks."""


class GraphedTower:
    """Calls a tower through CUDA graphs; one thread at a time."""

    def __init__(
        self,
        tower: nn.Module,
        examples: Sequence[torch.Tensor],
        device: torch.device,
        *,
        max_batch_size: int,
    ) -> None:
        """Capture the graphs, in the current inference and autocast modes.

        Args:
            tower: on `device`, in eval mode.
            examples: one input of each row shape that gets graphs, (1, …) on the CPU, smallest
                first; the rows of a call are padded with 0 to the next shape.
            device: a CUDA device, which must be this thread's current one: a capture begins by
                waiting for that.
            max_batch_size: larger batches are split.

        Raises:
            torch.OutOfMemoryError: the graphs do not fit.
        """
        # A graph holds the addresses of the weights but does not keep them alive.
        self._tower = tower
        self._sizes = batch_sizes(max_batch_size)
        self._rows = [example.shape[1:] for example in examples]
        pool = torch.cuda.graph_pool_handle()
        # One stream for all graphs: memory of the pool is shared within a stream, and cuBLAS keeps
        # a workspace for each stream.
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        # Largest first: the others then fit into its memory.
        self._graphs = {
            (size, example.shape[1:]): _Graph(
                tower, example.expand(size, *example.shape[1:]), device, pool, stream
            )
            for size in reversed(self._sizes)
            for example in reversed(examples)
        }

    def __call__(self, rows: npt.NDArray[Any]) -> torch.Tensor:
        """Return (batch, dim) on the device for (batch, …) on the CPU."""
        batch = torch.from_numpy(rows)
        return torch.cat([self._run(piece) for piece in torch.split(batch, self._sizes[-1])])

    def _run(self, batch: torch.Tensor) -> torch.Tensor:
        size = next(size for size in self._sizes if size >= len(batch))
        row = next(row for row in self._rows if row >= batch.shape[1:])
        return self._graphs[size, row].run(batch)


class _Graph:
    """One shape: pinned memory → device memory → the captured kernels → features."""

    def __init__(
        self,
        tower: nn.Module,
        example: torch.Tensor,
        device: torch.device,
        pool: Any,
        stream: torch.cuda.Stream,
    ) -> None:
        self._pinned = example.contiguous().pin_memory()
        self._input = self._pinned.to(device)
        self._graph = torch.cuda.CUDAGraph()
        self._is_copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_RUNS):
                tower(self._input)
        torch.cuda.current_stream(device).wait_stream(stream)
        with torch.cuda.graph(self._graph, pool=pool, stream=stream):
            self._output: torch.Tensor = tower(self._input)

    def run(self, batch: torch.Tensor) -> torch.Tensor:
        count = len(batch)
        # The previous piece may not have been copied to the device yet.
        self._is_copied.synchronize()
        target = self._pinned[:count]
        if target.shape != batch.shape:
            target.zero_()
            target = target[:, : batch.shape[1]]
        target.copy_(batch)
        self._input[:count].copy_(self._pinned[:count], non_blocking=True)
        self._is_copied.record(torch.cuda.current_stream(self._input.device))
        self._graph.replay()
        # A copy: the next batch overwrites the graph's own output.
        return self._output[:count].float().clone()


def batch_sizes(max_batch_size: int) -> list[int]:
    """Return the sizes that get a graph: the powers of two below the largest, and the largest.

    So padding at most doubles a batch, which costs a GPU hardly any time if the batch is small.
    """
    return [2**power for power in range((max_batch_size - 1).bit_length())] + [max_batch_size]
