"""Every knob of the training; what the packaged model was made with is in its model card."""

from dataclasses import dataclass, field, replace

from tihua_server.efficientnet_lite import BLOCK_COUNT
from tihua_server.tiny_network import NetworkShape
from tihua_server.training.schedule import epochs_making

FEWEST_STEPS = 120
"""Least number of steps of the first stage, unless its epochs are chosen: as many as `FINE_TUNING`
takes of the 300 pictures that it was measured with."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        seed: of every draw.
        shape: sizes of the network; its vocabulary is counted from the texts.
        trained_blocks: last blocks of the image tower that are trained in the second stage.
        photograph_views: of each photograph in the first stage: itself, and then crops of it, of
            which every second is mirrored.
        photograph_windows: of each photograph in the second stage, each cut and tinted its own way.
        emoji_views: placements of each emoji.
        emoji_windows: of each emoji and composition in the second stage.
        compositions: how many pictures of several emoji to make.
        prototype_draws: features drawn for each ImageNet class that has a Chinese name.
        max_bigrams: rows for pairs of characters, at most.
        min_bigram_count: how often a pair must occur to get one.
        captions_per_batch: captioned photographs a step.
        twins_per_batch: things a step of which two sets of emoji have a picture.
        others_per_batch: compositions and ImageNet draws a step.
        texts_per_picture: captions or names a step of each picture.
        twin_weight: weight of the loss by which an emoji finds its twin of another set.
        head_epochs: epochs of the first stage: heads and text tower over features of
            the image tower as it was.
        block_epochs: epochs of the second stage: the last blocks too. 0 leaves it out.
        block_side: side of the pictures that the second stage sees, in pixels. Smaller than those
            that are served: a window of a picture shows things larger than the whole does (Touvron
            et al. 2019, arXiv:1906.06423).
        drift_weight: weight, in the second stage, of how far pooled features go from those before
            it, beside which the draws of ImageNet's classes stand.
        head_rate: peak learning rate of heads and text tower, in each stage.
        block_rate: peak learning rate of the blocks in the second stage.
        weight_decay: AdamW's.
        label_smoothing: share of the target that goes to the wrong pictures.
        average_decay: share that the mean of the weights keeps at each step, the first ones apart
            (`average.py`). What is measured is that mean; where nothing is, a stage ends with it.
        dropout: share of units left out in the heads.
        thinning: share of a caption's characters left out.
        fewest_steps: of the first stage; it has more epochs where `head_epochs` make fewer.
        kept_steps: least number between two epochs that leave a checkpoint.
    """

    seed: int = 0
    shape: NetworkShape = field(default_factory=NetworkShape)
    trained_blocks: int = 14
    photograph_views: int = 2
    photograph_windows: int = 8
    emoji_views: int = 1
    emoji_windows: int = 4
    compositions: int = 400
    prototype_draws: int = 20
    max_bigrams: int = 5_000
    min_bigram_count: int = 5
    captions_per_batch: int = 64
    twins_per_batch: int = 16
    others_per_batch: int = 12
    texts_per_picture: int = 4
    twin_weight: float = 0.5
    head_epochs: int = 100
    block_epochs: int = 0
    block_side: int = 176
    drift_weight: float = 0.5
    head_rate: float = 1e-3
    block_rate: float = 1.5e-4
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    average_decay: float = 0.998
    dropout: float = 0.5
    thinning: float = 0.15
    fewest_steps: int = 0
    # It changes nothing that is learned, so it is left out of the repr, by which checkpoints tell
    # trainings apart.
    kept_steps: int = field(default=30, repr=False)

    def lasting(self, batches: int) -> "Recipe":
        """Return this recipe with the epochs that it has of so many batches."""
        epochs = epochs_making(self.fewest_steps, batches, fewest=self.head_epochs)
        return replace(self, head_epochs=epochs)

    @property
    def frozen_blocks(self) -> int:
        """First blocks of the image tower, which stay as they are."""
        return BLOCK_COUNT - self.trained_blocks


FINE_TUNING = Recipe(head_epochs=30, head_rate=3e-4)
"""For a model that has learned already: at the rate and length of a start from nothing, 300
photographs of a kind that it knows make it worse by nine points (`docs/retrieval.md`)."""
