"""`tihua.preprocess` makes of a file the pixels that the server would make of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tihua
from picture_files import PLAIN, chunk, decode, encode, noise, png, quadrants
from PIL import ExifTags, Image

SIZE = 32


def files() -> dict[str, bytes]:
    """Return pictures of every kind."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    clear = quadrants().convert("RGBA")
    clear.putalpha(100)
    levels = Image.fromarray(np.arange(4_096, dtype=np.uint16).reshape(64, 64) * 16)
    return PLAIN | {
        "turned": encode(noise(90, 60), "JPEG", exif=exif),
        "large": encode(noise(700, 900), "JPEG"),
        "transparent": encode(clear, "PNG"),
        "palette": encode(quadrants().convert("P"), "PNG"),
        "16 bits": encode(levels, "PNG"),
        "16 bits, big-endian": encode(levels.convert("I;16B"), "TIFF"),
        "animation": encode(quadrants(), "GIF", save_all=True, append_images=[noise(64, 64)]),
    }


@pytest.mark.parametrize("content", files().values(), ids=files().keys())
def test_the_pixels_are_those_of_the_server(content: bytes) -> None:
    """Bit for bit, and of the size that the model takes in."""
    picture = tihua.preprocess(content, SIZE)
    assert (picture.width_px, picture.height_px) == (SIZE, SIZE)
    pixels = np.frombuffer(picture.data, np.uint8).reshape(SIZE, SIZE, 3)
    np.testing.assert_array_equal(pixels, decode(content, SIZE))


def test_a_path_is_read(tmp_path: Path) -> None:
    """As everywhere where a picture is taken."""
    path = tmp_path / "a.png"
    path.write_bytes(PLAIN["grey png"])
    assert tihua.preprocess(path, SIZE) == tihua.preprocess(PLAIN["grey png"], SIZE)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "EMPTY_IMAGE"),
        (b"no picture", "UNREADABLE_IMAGE"),
        (PLAIN["jpeg"][:5_000], "UNREADABLE_IMAGE"),
        (png(20_000, 20_000), "TOO_MANY_PIXELS"),
        (png(8, 8, chunk(b"zTXt", b"k\0\0" + b"x"), bits=7), "UNREADABLE_IMAGE"),
    ],
)
def test_what_is_no_picture_is_refused_as_by_the_server(content: bytes, reason: str) -> None:
    """With the server's reason; the field is the argument."""
    with pytest.raises(tihua.InvalidRequestError) as refused:
        tihua.preprocess(content, SIZE)
    assert refused.value.reason == reason
    assert refused.value.field == "image"


def test_a_picture_over_the_bound_is_refused() -> None:
    """The bound is the server's, if the caller hands it on."""
    content = encode(noise(30, 20), "PNG")
    tihua.preprocess(content, SIZE, max_pixels=600)
    with pytest.raises(tihua.InvalidRequestError, match="the limit is 599"):
        tihua.preprocess(content, SIZE, max_pixels=599)


def test_a_file_that_is_not_there_is_told_as_everywhere(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(tihua.InvalidRequestError, match=r"gone\.jpg"):
        tihua.preprocess(tmp_path / "gone.jpg", SIZE)


def test_without_pillow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an ImportError, as of any module that is missing."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[sheet\]'"):
        tihua.preprocess(PLAIN["jpeg"], SIZE)


def test_preprocessing_needs_neither_numpy_nor_grpc() -> None:
    """Pillow is all, so that the client stays small."""
    code = (
        "import sys, tihua; tihua.preprocess(sys.stdin.buffer.read(), 32);"
        "print({'numpy', 'grpc', 'tihua_server'} & set(sys.modules))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], input=PLAIN["jpeg"], capture_output=True, check=True
    )
    assert process.stdout == b"set()\n"
