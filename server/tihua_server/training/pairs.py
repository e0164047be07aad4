"""Batches of pairs of picture and caption for a Chinese-CLIP network."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from tihua._cores import usable_cores
from torch import Tensor

from tihua_server.clip.chinese_clip import PIXEL_MEAN, PIXEL_STD
from tihua_server.clip.tokenizer import Tokenizer, padded
from tihua_server.training.photographs import Photographs
from tihua_server.training.pictures import squares, to_square
from tihua_server.types import PixelArray


class Pair(NamedTuple):
    """The indices of a photograph, of one of its views and of one of its captions."""

    photograph: int
    view: int
    caption: int


class PairDealer:
    """Deals the pairs into the batches of an epoch, all of the same size or one less.

    The other texts of a batch are negatives, so no photograph is in a batch twice: its own other
    captions would be among them. Therefore batches are smaller than `batch_size` if there are few
    photographs. If one has more captions than any other, each epoch leaves out some of them at
    random; and a single pair that would be a batch by itself is left out.

    Args:
        photographs: two or more.
        batch_size: greatest number of pairs in a batch, two or more.
    """

    def __init__(self, photographs: Photographs, batch_size: int) -> None:
        self._captions = [len(photographs.texts(at)) for at in range(len(photographs))]
        self._views = photographs.views
        self._most = sorted(self._captions)[-2]
        self._pairs = sum(min(count, self._most) for count in self._captions)
        self._batches = max(self._most, -(-self._pairs // batch_size))

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return min(self._batches, self._pairs // 2)

    def epoch(self, random: np.random.Generator) -> list[list[Pair]]:
        """Return the batches of an epoch, each photograph in a random view."""
        batches: list[list[Pair]] = [[] for _ in range(self._batches)]
        sizes = np.zeros(self._batches)
        for at in random.permutation(len(self._captions)):
            captions = random.permutation(self._captions[at])[: self._most]
            # One caption each into the smallest batches; ties are broken at random.
            order = np.argpartition(sizes + random.random(self._batches), len(captions) - 1)
            chosen = order[: len(captions)]
            sizes[chosen] += 1
            for batch, caption in zip(chosen, captions, strict=True):
                view = int(random.integers(self._views))
                batches[batch].append(Pair(int(at), view, int(caption)))
        return [batch for batch in batches if len(batch) > 1]


class PairReader:
    """Reads batches of captioned pictures with all cores.

    Args:
        image_size: side of the square picture, in pixels.
        batch_size: of the batches that `pictures` and `texts` yield.
        device: where the tensors go, as torch names it.
    """

    def __init__(self, *, image_size: int, batch_size: int, device: str) -> None:
        self._image_size = image_size
        self._batch_size = batch_size
        self._device = device
        self._tokenizer = Tokenizer()

    def batches(
        self, photographs: Photographs, batches: Sequence[Sequence[Pair]]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield pixels and token ids of each batch; the next batch is read meanwhile.

        Args:
            photographs: the photographs of the pairs.
            batches: of pairs.

        Yields:
            (batch, 3, side, side) float32, normalised, and (batch, length) int64.
        """

        def square(pair: Pair) -> PixelArray:
            return to_square(photographs.picture(pair.photograph, pair.view), self._image_size)

        with ThreadPoolExecutor(usable_cores()) as threads:
            coming: list[Future[PixelArray]] = []
            for pairs, following in zip(batches, [*batches[1:], ()], strict=True):
                ready = coming or [threads.submit(square, pair) for pair in pairs]
                coming = [threads.submit(square, pair) for pair in following]
                pixels = np.stack([picture.result() for picture in ready])
                texts = [photographs.texts(pair.photograph)[pair.caption] for pair in pairs]
                yield self._normalised(pixels), self._ids(texts)

    def pictures(self, photographs: Photographs) -> Iterator[Tensor]:
        """Yield all photographs in order, uncropped: (batch or fewer, 3, side, side) float32."""
        for pixels in squares(photographs, 0, self._image_size, self._batch_size):
            yield self._normalised(pixels)

    def texts(self, texts: Sequence[str]) -> Iterator[Tensor]:
        """Yield the token ids of texts, in order: (batch or fewer, length) int64."""
        for start in range(0, len(texts), self._batch_size):
            yield self._ids(texts[start : start + self._batch_size])

    def _normalised(self, pixels: PixelArray) -> Tensor:
        scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255)
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in (PIXEL_MEAN, PIXEL_STD))
        return scaled.sub(mean).div(std).to(self._device)

    def _ids(self, texts: Sequence[str]) -> Tensor:
        ids = padded([self._tokenizer.tokenize(text).ids for text in texts])
        return torch.from_numpy(ids).to(self._device)
