"""Emoji of free sets, with their Chinese names and keywords.

The pictures and the names come from npm packages, installed into one folder:

    npm install emojibase-data emoji-datasource-google emoji-datasource-twitter \
        openmoji emojione@2.2.7 @lobehub/fluent-emoji-3d

Microsoft's Fluent emoji are used for measuring only, never for training: their style is the test.
"""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image
from tihua._picture.pixels import opaque

from tihua_server.training.failures import TrainingError

SKIN_TONES = frozenset(f"1f3f{digit}" for digit in "bcdef")
INVISIBLE = frozenset({"fe0f", "200d"})
"""Code points that some sets write and others omit: variation selector and joiner."""

SVG_SIDE = 160
"""Side, in pixels, at which vector emoji are drawn."""

SMALLEST_SCALE = 0.45
"""Least share of the canvas's side that an emoji takes when it is placed at random."""


@dataclass(frozen=True, slots=True)
class EmojiSet:
    """Where the pictures of an emoji set are.

    Attributes:
        name: for file names.
        title: for people.
        folder: of the pictures, relative to the folder of npm packages.
        suffix: of the pictures; other files are ignored.
    """

    name: str
    title: str
    folder: str
    suffix: str

    @property
    def package(self) -> str:
        """The npm package: `openmoji`, `@lobehub/fluent-emoji-3d`."""
        return "/".join(self.folder.split("/")[: 2 if self.folder.startswith("@") else 1])


TRAINING_SETS = (
    EmojiSet("noto", "Noto", "emoji-datasource-google/img/google/64", ".png"),
    EmojiSet("twemoji", "Twemoji", "emoji-datasource-twitter/img/twitter/64", ".png"),
    EmojiSet("openmoji", "OpenMoji", "openmoji/color/svg", ".svg"),
    EmojiSet("emojione", "Emoji One", "emojione/assets/png_128x128", ".png"),
)
TEST_SET = EmojiSet("fluent-3d", "Fluent 3D", "@lobehub/fluent-emoji-3d/assets", ".webp")


class Emoji:
    """The emoji of one set that have a Chinese name, without variants in skin tones.

    View 0 is the emoji on white, filling the picture; in the others it is smaller, at a random
    place on a background of one colour.

    Args:
        node_modules: the folder of npm packages.
        emoji_set: which set.
        names: Chinese names by code, as `read_names` returns them.
        views: number of ways in which each is drawn, 1 or more.
        seed: of places and colours.

    Raises:
        FileNotFoundError: the set's package is not installed.
    """

    def __init__(
        self,
        node_modules: Path,
        emoji_set: EmojiSet,
        names: Mapping[str, tuple[str, ...]],
        *,
        views: int,
        seed: int,
    ) -> None:
        folder = node_modules / emoji_set.folder
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{folder} is not there: npm install {emoji_set.package} beside the others brings"
                f" {emoji_set.title}"
            )
        files = {
            code: file
            for file in sorted(folder.iterdir())
            if file.suffix == emoji_set.suffix
            and (code := normal_code(file.stem)) in names
            and not SKIN_TONES.intersection(code.split("-"))
        }
        self.name = f"emoji-{emoji_set.name}"
        self.title = emoji_set.title
        self.views = views
        self._seed = seed
        self._codes = sorted(files)
        self._texts = [names[code] for code in self._codes]
        self._files = [files[code] for code in self._codes]
        self._layers: dict[int, Image.Image] = {}

    @cached_property
    def digest(self) -> str:
        """Identifies these emoji, their names and their placement."""
        digest = hashlib.sha256(f"{self._seed} {self._codes} {self._texts}".encode())
        for file in self._files:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()

    def __len__(self) -> int:
        """Return the number of emoji."""
        return len(self._codes)

    def layer(self, index: int) -> Image.Image:
        """Return the emoji in RGBA; it is cached, so callers must not change it."""
        if index not in self._layers:
            self._layers[index] = _read_layer(self._files[index])
        return self._layers[index]

    def file(self, index: int) -> bytes:
        """Return the emoji's file as the package has it: PNG, WebP or SVG."""
        return self._files[index].read_bytes()

    def picture(self, index: int, view: int) -> Image.Image:
        """Return the emoji on white, or placed on a coloured background."""
        layer = self.layer(index)
        if view == 0:
            return opaque(layer)
        random = np.random.default_rng([self._seed, index, view])
        canvas = Image.new("RGBA", layer.size, random_background(random))
        side = round(layer.width * random.uniform(SMALLEST_SCALE, 1.0))
        place = tuple(int(at) for at in random.integers(0, layer.width - side + 1, size=2))
        canvas.alpha_composite(layer.resize((side, side), Image.Resampling.BICUBIC), place)
        return canvas.convert("RGB")

    def texts(self, index: int) -> tuple[str, ...]:
        """Return the name, then the keywords."""
        return self._texts[index]

    def group(self, index: int) -> str:
        """Return the code, which is the same in every set: 🐎 is `1f40e`."""
        return self._codes[index]


def normal_code(stem: str) -> str:
    """Return an emoji's code points, such as `1f3cd`, without those that a set may omit."""
    return "-".join(part for part in stem.lower().split("-") if part not in INVISIBLE)


def is_flag(code: str) -> bool:
    """Return whether an emoji is the flag of a country or region, alike in every set."""
    first, *others = code.split("-")
    is_regional = first.startswith("1f1") and 0x1F1E6 <= int(first, 16) <= 0x1F1FF
    return is_regional or any(part.startswith("e00") for part in others)


def read_names(node_modules: Path) -> dict[str, tuple[str, ...]]:
    """Return name and keywords of every emoji by code: those of Unicode CLDR, then our own.

    Raises:
        FileNotFoundError: `emojibase-data` is not installed.
        TrainingError: it is damaged.
    """
    file = node_modules / "emojibase-data/zh/data.json"
    if not file.is_file():
        msg = f"{file} is not there: npm install emojibase-data brings the names of the emoji"
        raise FileNotFoundError(msg)
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(file) from error
    own = _read_own_words()
    names = {}
    for entry in table:
        code = normal_code(entry["hexcode"])
        texts = [entry["label"], *entry.get("tags", []), *own.get(code, [])]
        names[code] = tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))
    return names


def random_background(random: np.random.Generator) -> tuple[int, int, int, int]:
    """Return an RGBA colour: white half of the time, or else a light one of any hue."""
    if random.random() < 0.5:
        return (255, 255, 255, 255)
    red, green, blue = (int(part) for part in random.integers(110, 256, size=3))
    return (red, green, blue, 255)


def _read_own_words() -> dict[str, list[str]]:
    text = (resources.files(__package__) / "emoji_words.tsv").read_text(encoding="utf-8")
    rows = csv.reader(text.splitlines(), delimiter="\t")
    return {
        normal_code("-".join(f"{ord(sign):x}" for sign in emoji)): words.split(" ")
        for emoji, words in rows
    }


def _read_layer(file: Path) -> Image.Image:
    try:
        content = _drawn(file) if file.suffix == ".svg" else file.read_bytes()
        with Image.open(io.BytesIO(content)) as picture:
            return picture.convert("RGBA")
    except (OSError, ValueError) as error:
        raise _damaged(file) from error


def _damaged(file: Path) -> TrainingError:
    return TrainingError(f"{file} can't be read: install its package again")


def _drawn(file: Path) -> bytes:
    # Imported here because only training draws vector emoji: others need no resvg.
    from resvg_py import svg_to_bytes

    return bytes(svg_to_bytes(svg_path=str(file), width=SVG_SIDE, height=SVG_SIDE))
