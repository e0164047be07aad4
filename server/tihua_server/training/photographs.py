"""Photographs with human captions, from a folder or a tar archive.

captions.tsv            two columns, `image` and `caption`, with a header; one line per caption
train/1000268201.jpg    pictures, in one folder per split
val/…

A file is decoded as the server decodes it: upright, transparency on white, 16 bits scaled to 8, and
bounded in pixels.
"""

import hashlib
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import Progress
from tihua._cores import usable_cores
from tihua._picture.errors import PictureError

from tihua_server.clip.tokenizer import CONTEXT_LENGTH, Tokenizer
from tihua_server.config import Limits
from tihua_server.training.caption_table import CAPTION_FILE, TRAIN, VAL, read_captions
from tihua_server.training.failures import TrainingError
from tihua_server.training.picture_files import PictureFiles
from tihua_server.training.progress import training_progress
from tihua_server.training.whole_picture import whole_picture

SMALLEST_CROP = 0.55
"""Smallest share of the area that a crop keeps."""

CROP_SIDE = 512
"""Greatest side of a crop, in pixels: models see 336 at most, and a photograph has thousands."""

DRAFT_SIDE = 1344
"""A JPEG is decoded at a fraction of its size as long as both sides keep at least this many pixels:
six times those of most models, as in the server."""

ONE_PICTURE = "1 picture has nothing to be told apart from: add others to train/"
NO_PICTURE = "no picture is left to learn from: add others to train/"

MAX_NAMED = 5
"""How many unreadable pictures an error names at most."""


class EmptySplitError(TrainingError):
    """The table of captions has no line for a split."""


class Photographs:
    """The captioned photographs of one split.

    View 0 is the photograph; the others are random crops, every second one mirrored.

    Args:
        path: a folder, or a tar archive of one.
        split: the folder within: `train` or `val`.
        views: number of views of each, 1 or more.
        seed: of the crops.
        files: the files of `path`, if they were read before.

    Attributes:
        name: for file names.
        views: as given.

    Raises:
        FileNotFoundError: there is no `captions.tsv` in it.
        EmptySplitError: the table of captions has no line for the split.
        TrainingError: `path` does not exist, or is a file but no tar archive; the table can't be
            read; or no line of the split can be used.
    """

    def __init__(
        self, path: Path, split: str, *, views: int, seed: int, files: PictureFiles | None = None
    ) -> None:
        self._files = files or PictureFiles(path)
        table = read_captions(self._files, split, str(path))
        left_out = (
            f"; {table.left_out} lines of {CAPTION_FILE} left out, the first {table.first_left_out}"
            if table.left_out
            else ""
        )
        if not table.captions:
            place = "to learn from" if split == TRAIN else f"under {split}/"
            msg = f"{path} holds no captioned picture {place}{left_out}"
            raise TrainingError(msg) if table.is_named else EmptySplitError(msg)
        self.name = f"photographs-{split}"
        self.views = views
        self._seed = seed
        self._names = list(table.captions)
        self._captions = list(table.captions.values())
        self._left_out = left_out
        self._split = split

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(self._names)

    def summary(self) -> str:
        """Return the numbers of pictures and captions, and what is not used; for people."""
        texts = [text for captions in self._captions for text in captions]
        tokenizer = Tokenizer()
        cut = sum(tokenizer.tokenize(text).is_truncated for text in texts)
        too_long = (
            f"; the model reads the first {CONTEXT_LENGTH - 2} tokens of a caption, and {cut}"
            f" {'is' if cut == 1 else 'are'} longer"
            if cut
            else ""
        )
        counts = f"{len(self)} pictures, {len(texts)} captions"
        return f"{self._split}/: {counts}{too_long}{self._left_out}"

    @cached_property
    def digest(self) -> str:
        """Identifies these photographs, captions and crops."""
        digest = hashlib.sha256(f"{self._seed} {self._captions}".encode())
        for name, content in zip(self._names, self.file_digests, strict=True):
            digest.update(name.encode() + content)
        return digest.hexdigest()

    @cached_property
    def file_digests(self) -> list[bytes]:
        """The SHA-256 of each photograph's file."""
        return [hashlib.sha256(self.file(index)).digest() for index in range(len(self))]

    def leave_out(self, others: "Photographs") -> int:
        """Remove those whose files are among `others` too, by any name; return their number."""
        known = frozenset(others.file_digests)
        is_new = [file not in known for file in self.file_digests]
        self._names = list(itertools.compress(self._names, is_new))
        self._captions = list(itertools.compress(self._captions, is_new))
        self.file_digests = list(itertools.compress(self.file_digests, is_new))
        vars(self).pop("digest", None)  # if cached, it is that of all photographs
        return is_new.count(False)

    def verify(self, progress: Progress) -> None:
        """Decode every photograph, so that a damaged one fails now and not after hours of training.

        Args:
            progress: shows a bar.

        Raises:
            TrainingError: some can't be read; it names the first `MAX_NAMED`.
        """
        task = progress.add_task(f"reading {self.name}", total=len(self))

        def fault(index: int) -> str:
            try:
                self.picture(index, 0)
            except TrainingError as error:
                return str(error)
            finally:
                progress.advance(task)
            return ""

        with ThreadPoolExecutor(usable_cores()) as threads:
            faults = [each for each in threads.map(fault, range(len(self))) if each]
        progress.remove_task(task)
        if faults:
            more = f"\nand {len(faults) - MAX_NAMED} more" if len(faults) > MAX_NAMED else ""
            raise TrainingError(
                f"{len(faults)} of {len(self)} pictures can't be read; repair them, or remove their"
                f" lines from {CAPTION_FILE}:\n" + "\n".join(faults[:MAX_NAMED]) + more
            )

    def picture(self, index: int, view: int) -> Image.Image:
        """Return a photograph in RGB, a large JPEG at a fraction of its size, or a crop of it.

        A crop has at most `CROP_SIDE` pixels a side, and then not the photograph's aspect ratio,
        which no model keeps. At full size, a fine-tuning would mostly decode and resize.

        Raises:
            TrainingError: it can't be read, or is too large; the message names the file.
        """
        try:
            content = self.file(index)
            limit = Limits().max_image_pixels
            photograph = whole_picture(content, max_pixels=limit, draft_side=DRAFT_SIDE)
        except (PictureError, OSError) as error:
            raise TrainingError(f"{self._names[index]}: {error}") from error
        return photograph if view == 0 else self._crop(photograph, index, view)

    def file(self, index: int) -> bytes:
        """Return the encoded file of a photograph."""
        return self._files.read(self._names[index])

    def texts(self, index: int) -> tuple[str, ...]:
        """Return the captions."""
        return self._captions[index]

    def group(self, index: int) -> str:
        """Return the file's name: every photograph is a group by itself."""
        return self._names[index]

    def _crop(self, photograph: Image.Image, index: int, view: int) -> Image.Image:
        random = np.random.default_rng([self._seed, index, view])
        width, height = photograph.size
        share = np.sqrt(random.uniform(SMALLEST_CROP, 1.0))
        left = random.uniform(0, width * (1 - share))
        top = random.uniform(0, height * (1 - share))
        box = (left, top, left + width * share, top + height * share)
        size = (min(width, CROP_SIDE), min(height, CROP_SIDE))
        crop = photograph.resize(size, Image.Resampling.BICUBIC, box=box)
        return crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if view % 2 else crop


def read_splits(
    path: Path, *, views: int, seed: int, tell: Callable[[str], None]
) -> tuple[Photographs, Photographs | None]:
    """Return the photographs to train on, and those to measure by or None.

    Copies of the latter are removed from the former, because memorizing would look like learning.

    Args:
        path: a folder, or a tar archive of one.
        views: number of views of each photograph to train on.
        seed: of the crops.
        tell: called with lines for people about what was found.

    Raises:
        FileNotFoundError, TrainingError: as `Photographs` and its `verify` raise them.
        TrainingError: there are fewer than two photographs to train on.
    """
    files = PictureFiles(path)
    train = Photographs(path, TRAIN, views=views, seed=seed, files=files)
    tell(train.summary())
    _require_several(train)
    validation: Photographs | None = None
    try:
        validation = Photographs(path, VAL, views=1, seed=seed, files=files)
        tell(validation.summary())
    except EmptySplitError as error:
        tell(f"{error}: nothing is measured on the way")
    with training_progress() as progress:
        for photographs in filter(None, (train, validation)):
            photographs.verify(progress)
    if validation:
        found = len(train)
        if copies := train.leave_out(validation):
            tell(f"{copies} of {found} pictures of train/ are in val/ too, and left out")
        _require_several(train)
    return train, validation


def _require_several(photographs: Photographs) -> None:
    if len(photographs) < 2:
        raise TrainingError(ONE_PICTURE if len(photographs) else NO_PICTURE)
