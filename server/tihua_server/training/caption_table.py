"""Reads `captions.tsv`, and reports lines that can't be used.

A picture belongs to the split in whose folder it is; `Val/` and `validation/` are `val/` too.
If no picture is in `train/`, all that are in no split's folder are trained on, so that any folder
of pictures will do.
"""

import re
from dataclasses import dataclass

from tihua_server.training.failures import TrainingError
from tihua_server.training.picture_files import PictureFiles, plain_name

CAPTION_FILE = "captions.tsv"
HEADER = ("image", "caption")
FORMAT = "a table of image and caption, tab between them, with a header"

TRAIN = "train"
VAL = "val"
SPLITS = (TRAIN, VAL, "test")
"""Names of folders, case-insensitive; pictures in the last are not used at all."""

_ABSOLUTE = re.compile("/|[A-Za-z]:/")
"""Beginning of an absolute path, on Unix or Windows."""


@dataclass(frozen=True, slots=True)
class SplitCaptions:
    """The captions of one split.

    Attributes:
        captions: of each picture by name, such as `train/a.jpg`; sorted by name.
        left_out: number of unusable lines of this split, or of no split.
        first_left_out: the first of them and the reason, for people; empty if there is none.
        is_named: whether any line, usable or not, is of this split.
    """

    captions: dict[str, tuple[str, ...]]
    left_out: int
    first_left_out: str
    is_named: bool


def read_captions(files: PictureFiles, split: str, where: str) -> SplitCaptions:
    """Return the captions of the pictures of a split.

    Args:
        files: the pictures, and the table.
        split: `train` or `val`.
        where: name of the files in errors.

    Raises:
        FileNotFoundError: there is no table.
        TrainingError: the table is not in UTF-8, or its first line is not the header.
    """
    if CAPTION_FILE not in files:
        raise FileNotFoundError(f"{where} holds no {CAPTION_FILE}: {FORMAT}")
    lines = _lines(files.read(CAPTION_FILE), where)
    rows = [_row(line) for line in lines[1:]]
    rest = "" if any(_split(image) == TRAIN for image, _, _ in rows) else TRAIN
    captions: dict[str, list[str]] = {}
    reasons = []
    for number, (image, tab, caption) in enumerate(rows, start=2):
        of_split = _split(image) or rest
        if not (image or tab) or of_split not in {split, ""}:
            continue
        reason = _fault(files, image, tab, caption)
        if not (reason or of_split):
            reason = f"{image} is in no folder of {', '.join(SPLITS)}, though others are in {TRAIN}"
        if reason:
            reasons.append(f"line {number}: {reason}")
        else:
            captions.setdefault(image, []).append(caption)
    return SplitCaptions(
        {name: tuple(captions[name]) for name in sorted(captions)},
        left_out=len(reasons),
        first_left_out=reasons[0] if reasons else "",
        is_named=any(_split(image) == split for image, _, _ in rows),
    )


def _row(line: str) -> tuple[str, str, str]:
    """Return image, tab and caption; all are empty for an empty line."""
    image, tab, caption = line.partition("\t")
    return plain_name(image) if image.strip() else "", tab, caption.strip()


def _split(image: str) -> str:
    """Return the split in whose folder a picture is; empty if it is in none."""
    folder, slash, _ = image.partition("/")
    name = folder.lower()
    if name == "validation":
        name = VAL
    return name if slash and name in SPLITS else ""


def _lines(content: bytes, where: str) -> list[str]:
    try:
        # Not `splitlines`: captions from the web may contain other line separators.
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        lines = text.rstrip("\n").split("\n")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        msg = f"line {number} of {CAPTION_FILE} in {where} is not UTF-8: save it as UTF-8"
        raise TrainingError(msg) from error
    header = tuple(part.strip().lower() for part in lines[0].split("\t"))
    if header != HEADER:
        first = repr(lines[0][:60]) if lines[0] else "missing"
        msg = (
            f"the first line of {CAPTION_FILE} in {where} is {first}; it must be the header"
            " 'image\\tcaption': two columns, tab between them"
        )
        raise TrainingError(msg)
    return lines


def _fault(files: PictureFiles, image: str, tab: str, caption: str) -> str:
    """Return why a line can't be used; empty if it can."""
    if tab and not image:
        return "no image before the tab"
    if not tab:
        return f"no tab between image and caption in {image[:60]!r}"
    if "\t" in caption:
        return f"more than two columns, {caption[:60]!r} after {image}"
    if not caption:
        return f"no caption of {image}"
    if _ABSOLUTE.match(image):
        return f"{image} must be named within the folder: train/a.jpg"
    if ".." in image.split("/"):
        return f"{image} leads out of its folder"
    if len(caption) > 1 and caption[0] == caption[-1] == '"' and '""' in caption[1:-1]:
        return f"the caption of {image} is quoted, as nothing is in this table: {caption[:60]}"
    if image not in files:
        return f"there is no file {image}"
    return ""
