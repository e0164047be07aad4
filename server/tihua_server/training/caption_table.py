"""Reads `captions.tsv`, and says which of its lines can't be used."""

from dataclasses import dataclass

from tihua_server.training.picture_files import PictureFiles, plain_name

CAPTION_FILE = "captions.tsv"
HEADER = ("image", "caption")
FORMAT = "a table of image and caption, tab between them, with a header"


@dataclass(frozen=True, slots=True)
class SplitCaptions:
    """The captions of one split.

    Attributes:
        captions: of each picture, by its name: `train/a.jpg`; in the order of the names.
        left_out: lines that can't be used and are of this split or of none.
        first_left_out: which line the first of them is, and why; empty where there is none.
    """

    captions: dict[str, tuple[str, ...]]
    left_out: int
    first_left_out: str


def read_captions(files: PictureFiles, split: str, where: str) -> SplitCaptions:
    """Return the captions of the pictures of a split.

    Args:
        files: the pictures, and the table.
        split: the folder within: `train` or `val`.
        where: what the files are called in an error.

    Raises:
        FileNotFoundError: there is no table.
        ValueError: the table is not in UTF-8, or its first line is no header.
    """
    if CAPTION_FILE not in files:
        raise FileNotFoundError(f"{where} holds no {CAPTION_FILE}: {FORMAT}")
    lines = _lines(files.read(CAPTION_FILE), where)
    captions: dict[str, list[str]] = {}
    reasons = []
    for number, line in enumerate(lines[1:], start=2):
        image, tab, caption = line.partition("\t")
        image, caption = plain_name(image), caption.strip()
        if not line.strip() or (tab and image.partition("/")[0] != split and "/" in image):
            continue
        reason = _fault(files, image, tab, caption)
        if reason:
            reasons.append(f"line {number}: {reason}")
        else:
            captions.setdefault(image, []).append(caption)
    return SplitCaptions(
        {name: tuple(captions[name]) for name in sorted(captions)},
        left_out=len(reasons),
        first_left_out=reasons[0] if reasons else "",
    )


def _lines(content: bytes, where: str) -> list[str]:
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        msg = f"line {number} of {CAPTION_FILE} in {where} is not UTF-8: save it as UTF-8"
        raise ValueError(msg) from error
    header = tuple(part.strip().lower() for part in lines[0].split("\t")) if lines else ()
    if header != HEADER:
        first = repr(lines[0][:60]) if lines else "missing"
        msg = (
            f"the first line of {CAPTION_FILE} in {where} is {first}; it must be the header"
            " 'image\\tcaption': two columns, tab between them"
        )
        raise ValueError(msg)
    return lines


def _fault(files: PictureFiles, image: str, tab: str, caption: str) -> str:
    """Return why a line can't be used; empty where it can."""
    if not tab:
        return f"no tab between image and caption in {image[:60]!r}"
    if not caption:
        return f"no caption of {image}"
    if ".." in image.split("/"):
        return f"{image} leads out of its folder"
    if "/" not in image:
        return f"{image} is in no folder; an image is train/a.jpg or val/b.jpg"
    if image not in files:
        return f"there is no file {image}"
    return ""
