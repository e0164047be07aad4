"""The loss of a batch: of pictures and their texts, and of pictures that show the same thing."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from tihua_server.clip.tiny_network import TinyNetwork
from tihua_server.training.album import Album, Pick
from tihua_server.training.bags import embed_texts
from tihua_server.training.captions import CaptionSampler
from tihua_server.training.contrastive import contrastive_loss, described, same, twin_loss
from tihua_server.training.pooling import Pooled
from tihua_server.training.recipe import Recipe

START_SCALE = 14.0
MAX_SCALE = 50.0
"""Inverse temperature: its initial value (CLIP's 1/0.07) and its upper bound."""


class BatchLoss:
    """Computes the loss of batches of pictures from albums.

    Args:
        network: the network to train.
        albums: the albums of the pictures.
        recipe: the weights of the parts of the loss.
        device: where to compute, as torch names it.

    Attributes:
        scale: logarithm of the inverse temperature, a parameter to train.
    """

    def __init__(
        self, network: TinyNetwork, albums: Sequence[Album], recipe: Recipe, device: str
    ) -> None:
        self._network = network
        self._albums = albums
        self._recipe = recipe
        self._device = device
        self.scale = nn.Parameter(torch.tensor(math.log(START_SCALE), device=device))

    def of(
        self,
        picks: Sequence[Pick],
        sampler: CaptionSampler,
        pool: Callable[[Sequence[Pick]], Pooled],
    ) -> Tensor:
        """Return the loss of a batch, a scalar.

        Args:
            picks: the pictures.
            sampler: draws their texts.
            pool: returns the pooled features of pictures.
        """
        drawn, right, groups, tokens = [], [], [], []
        for pick in picks:
            album = self._albums[pick.album]
            texts = album.source.texts(pick.index)
            chosen = (sampler.captions if album.has_captions else sampler.names)(
                texts, self._recipe.texts_per_picture
            )
            drawn += [text for text, _ in chosen]
            tokens += [ids for _, ids in chosen]
            right.append(texts)
            groups.append(album.source.group(pick.index))
        is_same = same(groups)
        is_own = torch.eye(len(picks), dtype=torch.bool).repeat_interleave(
            self._recipe.texts_per_picture, dim=1
        )
        is_right = is_same.repeat_interleave(self._recipe.texts_per_picture, dim=1)
        is_right |= described(right, drawn)
        pooled = pool(picks)
        pictures = self._network.image.embed(pooled.features)
        words = embed_texts(self._network.text, tokens)
        scale = self.scale.exp().clamp(max=MAX_SCALE)
        smoothing = self._recipe.label_smoothing
        loss = contrastive_loss(
            scale * pictures @ words.T,
            is_own.to(self._device),
            is_right.to(self._device),
            label_smoothing=smoothing,
        )
        twins = twin_loss(
            scale * pictures @ pictures.T, is_same.to(self._device), label_smoothing=smoothing
        )
        return loss + self._recipe.twin_weight * twins + self._recipe.drift_weight * pooled.drift
