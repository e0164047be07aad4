"""Pairs of picture and caption as a Chinese-CLIP network takes them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from tihua_server.chinese_clip import PIXEL_MEAN, PIXEL_STD
from tihua_server.tokenizer import Tokenizer
from tihua_server.training.photographs import Photographs
from tihua_server.training.pictures import to_square
from tihua_server.training.vocabulary import pad


class PairReader:
    """Makes batches of captioned pictures.

    Args:
        image_size: side of the square picture, in pixels.
        batch_size: how many a batch holds.
        device: where the tensors go, as torch names it.
    """

    def __init__(self, *, image_size: int, batch_size: int, device: str) -> None:
        self._image_size = image_size
        self._batch_size = batch_size
        self._device = device
        self._tokenizer = Tokenizer()

    def batches(
        self, photographs: Photographs, pairs: Sequence[tuple[int, int]], views: Sequence[int]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield pixels and token ids, the next batch being prepared meanwhile.

        Args:
            photographs: what the pairs are of.
            pairs: index of a photograph, and which of its captions; a multiple of the batch size.
            views: the view of the photograph, for each pair.

        Yields:
            (batch, 3, side, side) float32, normalised, and (batch, length) int64.
        """
        size = self._batch_size

        def batch(start: int) -> tuple[Tensor, Tensor]:
            chosen = pairs[start : start + size]
            shown = [
                (index, view)
                for (index, _), view in zip(chosen, views[start : start + size], strict=True)
            ]
            texts = [photographs.texts(index)[caption] for index, caption in chosen]
            return self._pixels(photographs, shown), self._ids(texts)

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(batch, 0)
            for start in range(size, len(pairs) + size, size):
                ready = waiting.result()
                if start < len(pairs):
                    waiting = pool.submit(batch, start)
                yield ready

    def pictures(self, photographs: Photographs) -> Iterator[Tensor]:
        """Yield all photographs in order, uncropped: (batch or fewer, 3, side, side) float32."""
        for start in range(0, len(photographs), self._batch_size):
            rows = range(start, min(start + self._batch_size, len(photographs)))
            yield self._pixels(photographs, [(row, 0) for row in rows])

    def texts(self, texts: Sequence[str]) -> Iterator[Tensor]:
        """Yield the token ids of texts, in order: (batch or fewer, length) int64."""
        for start in range(0, len(texts), self._batch_size):
            yield self._ids(texts[start : start + self._batch_size])

    def _pixels(self, photographs: Photographs, shown: Sequence[tuple[int, int]]) -> Tensor:
        squares = np.stack(
            [to_square(photographs.picture(index, view), self._image_size) for index, view in shown]
        )
        scaled = torch.from_numpy(squares).permute(0, 3, 1, 2).float().div(255)
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in (PIXEL_MEAN, PIXEL_STD))
        return scaled.sub(mean).div(std).to(self._device)

    def _ids(self, texts: Sequence[str]) -> Tensor:
        return pad([self._tokenizer.tokenize(text).ids for text in texts]).to(self._device)
