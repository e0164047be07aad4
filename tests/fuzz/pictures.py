"""Picture files of every format and colour, whole and broken."""

from io import BytesIO

from hypothesis import strategies as st
from picture_files import PLAIN, encode, noise, png
from PIL import Image
from processes import GALLERY

from fuzz.mutation import mutations

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F")
"""Pillow's colour modes; no format supports all of them."""


def _every_kind() -> list[bytes]:
    files = [path.read_bytes() for path in sorted(GALLERY.glob("*.jpg"))[::20]]
    files += PLAIN.values()
    picture = noise(24, 18, 4)
    for file_format in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"):
        for mode in MODES:
            buffer = BytesIO()
            try:
                picture.convert(mode).save(buffer, file_format)
            except (OSError, ValueError):
                continue  # the format does not support this mode
            files.append(buffer.getvalue())
    frames = [noise(20, 16, seed=seed).convert("P") for seed in range(2)]
    for file_format in ("GIF", "WEBP", "PNG", "TIFF"):
        files.append(encode(frames[0], file_format, save_all=True, append_images=frames[1:]))
    for compression in ("packbits", "tiff_lzw", "tiff_adobe_deflate", "group4", "jpeg"):
        mode = "1" if compression == "group4" else "RGB"
        files.append(encode(picture.convert(mode), "TIFF", compression=compression))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "题画"
    files.append(encode(picture.convert("RGB"), "JPEG", exif=exif))
    files += [png(width, height) for width, height in ((1, 1), (9, 2**31 - 1), (30_000, 30_000))]
    return files


GOOD = tuple(file for file in _every_kind() if len(file) < 100_000)
"""Files to mutate; some declare more pixels than is allowed."""

KEPT = encode(noise(40, 30, seed=7), "PNG")
"""A good picture, sent among bad ones."""


def pictures() -> st.SearchStrategy[bytes]:
    """Return a strategy of files, most of them broken."""
    return st.one_of(
        mutations(st.sampled_from(GOOD), 8), mutations(st.sampled_from(GOOD), 2), st.binary()
    )
