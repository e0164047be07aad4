"""Photographs with human captions, from a folder or a tar archive.

captions.tsv            two columns, `image` and `caption`, with a header; one line a caption
train/1000268201.jpg    pictures, in one folder per split
val/…
"""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tihua_server.training.pictures import on_white

CAPTION_FILE = "captions.tsv"
SMALLEST_CROP = 0.55
"""Least share of the area that a crop keeps."""


class EmptySplitError(ValueError):
    """A split has no captioned picture."""


class Photographs:
    """The captioned photographs of one split.

    View 0 is the photograph; the others are random crops, every second one mirrored.

    Args:
        path: a folder, or a tar archive of one.
        split: the folder within: `train` or `val`.
        views: ways in which each is drawn, 1 or more.
        seed: of the crops.

    Raises:
        FileNotFoundError: there is no such path, or no `captions.tsv` in it.
        EmptySplitError: the split has no captioned picture.
    """

    def __init__(self, path: Path, split: str, *, views: int, seed: int) -> None:
        files = dict(_read(path))
        if CAPTION_FILE not in files:
            msg = f"{path} holds no {CAPTION_FILE}: a table of image and caption, tab between them"
            raise FileNotFoundError(msg)
        captions: dict[str, list[str]] = {}
        for line in files[CAPTION_FILE].decode("utf-8").splitlines()[1:]:
            image, _, caption = line.partition("\t")
            if image.startswith(f"{split}/") and image in files and caption.strip():
                captions.setdefault(image, []).append(caption.strip())
        if not captions:
            msg = f"{path} holds no captioned picture under {split}/"
            raise EmptySplitError(msg)
        self.name = f"photographs-{split}"
        self.views = views
        self._seed = seed
        self._names = sorted(captions)
        self._captions = [tuple(captions[name]) for name in self._names]
        self._files = [files[name] for name in self._names]

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(self._names)

    def picture(self, index: int, view: int) -> Image.Image:
        """Return a photograph, or a crop of it."""
        with Image.open(io.BytesIO(self._files[index])) as file:
            photograph = on_white(file)
            photograph.load()
        return photograph if view == 0 else self._crop(photograph, index, view)

    def file(self, index: int) -> bytes:
        """Return a photograph as it is stored."""
        return self._files[index]

    def texts(self, index: int) -> tuple[str, ...]:
        """Return the captions."""
        return self._captions[index]

    def group(self, index: int) -> str:
        """Return the file's name: every photograph is of its own."""
        return self._names[index]

    def _crop(self, photograph: Image.Image, index: int, view: int) -> Image.Image:
        random = np.random.default_rng([self._seed, index, view])
        width, height = photograph.size
        share = np.sqrt(random.uniform(SMALLEST_CROP, 1.0))
        left = random.uniform(0, width * (1 - share))
        top = random.uniform(0, height * (1 - share))
        box = (left, top, left + width * share, top + height * share)
        crop = photograph.resize(photograph.size, Image.Resampling.BICUBIC, box=box)
        return crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if view % 2 else crop


def validation_photographs(path: Path, *, seed: int) -> Photographs | None:
    """Return the photographs under `val/`; None where no caption is of one."""
    try:
        return Photographs(path, "val", views=1, seed=seed)
    except EmptySplitError:
        return None


def _read(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file():
                yield file.relative_to(path).as_posix(), file.read_bytes()
        return
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name, content.read()
