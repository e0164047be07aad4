"""Pictures made of two or three emoji, to teach phrases of several nouns."""

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from PIL import Image

from tihua_server.training.emoji import Emoji, random_background
from tihua_server.training.photographs import Photographs

CANVAS = 160
"""Side of a composition, in pixels."""

TEXTS_PER_PICTURE = 4
JOINTS = ("", "", "和", "与", "，", " ", "旁边的", "、")
"""Put between two names; most often nothing, as in a line of a poem."""


class Compositions:
    """Two or three emoji of the training sets on a plain colour, or on a photograph.

    The texts do not mention the photograph: it teaches to find a thing in front of something else.

    Args:
        emoji: the sets to draw from.
        photographs: backgrounds of some; with None, every background is a plain colour.
        count: how many compositions to make.
        seed: of every draw.
    """

    name = "compositions"
    views = 1

    def __init__(
        self, emoji: Sequence[Emoji], photographs: Photographs | None, *, count: int, seed: int
    ) -> None:
        self._emoji = emoji
        self._photographs = photographs
        self._count = count
        self._seed = seed

    @cached_property
    def digest(self) -> str:
        """Identifies these compositions."""
        made_of = " ".join(emoji.digest for emoji in self._emoji)
        if self._photographs:
            made_of += self._photographs.digest
        return hashlib.sha256(f"{self._seed} {self._count} {made_of}".encode()).hexdigest()

    def __len__(self) -> int:
        """Return the number of compositions."""
        return self._count

    def picture(self, index: int, view: int) -> Image.Image:
        """Return a composition."""
        random, parts = self._parts(index)
        if random.random() < 0.3 and self._photographs:
            behind = self._photographs.picture(int(random.integers(len(self._photographs))), view)
            canvas = behind.resize((CANVAS, CANVAS)).convert("RGBA")
        else:
            canvas = Image.new("RGBA", (CANVAS, CANVAS), random_background(random))
        cells = [(0.0, 0.0), (0.5, 0.5), (0.0, 0.5), (0.5, 0.0)]
        random.shuffle(cells)
        for (emoji, which), (left, top) in zip(parts, cells, strict=False):
            side = int(CANVAS * random.uniform(0.4, 0.58))
            layer = emoji.layer(which).resize((side, side), Image.Resampling.BICUBIC)
            at = (int(left * CANVAS), int(top * CANVAS))
            canvas.alpha_composite(layer, (min(at[0], CANVAS - side), min(at[1], CANVAS - side)))
        return canvas.convert("RGB")

    def texts(self, index: int) -> tuple[str, ...]:
        """Return names of the parts, joined in several orders."""
        _, parts = self._parts(index)
        random = np.random.default_rng([self._seed, index, 1])
        texts = []
        for _ in range(TEXTS_PER_PICTURE):
            names = [_pick(random, emoji.texts(which)) for emoji, which in parts]
            random.shuffle(names)
            joint = JOINTS[int(random.integers(len(JOINTS)))]
            texts.append(joint.join(names))
        return tuple(texts)

    def group(self, index: int) -> str:
        """Return the codes of the parts."""
        _, parts = self._parts(index)
        return "+".join(sorted(emoji.group(which) for emoji, which in parts))

    def _parts(self, index: int) -> tuple[np.random.Generator, list[tuple[Emoji, int]]]:
        random = np.random.default_rng([self._seed, index, 0])
        parts = []
        for _ in range(2 if random.random() < 0.6 else 3):
            emoji = self._emoji[int(random.integers(len(self._emoji)))]
            parts.append((emoji, int(random.integers(len(emoji)))))
        return random, parts


def _pick(random: np.random.Generator, texts: Sequence[str]) -> str:
    """Return the first text half of the time, or else a random one."""
    return texts[0] if random.random() < 0.5 else texts[int(random.integers(len(texts)))]
