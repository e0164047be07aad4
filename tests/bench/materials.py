"""The inputs of the benchmark: weights, pictures and queries; made once and kept between runs."""

import functools
import itertools
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from processes import GALLERY

from bench.settings import PACKAGED_MODEL

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
"""Suffixes of the pictures that are taken from a folder or a tar."""

LARGE_PX = 1024
"""Side of the pictures that a camera or a web page might send."""

LARGE_COUNT = 64

QUERIES = (
    "枯藤老树昏鸦", "小桥流水人家", "古道西风瘦马", "夕阳西下", "断肠人在天涯",
    "大漠孤烟直", "长河落日圆", "一只猫", "雪地里奔跑的狗", "红色的摩托车",
    "海滩上玩耍的孩子", "窗前明月光", "疑是地上霜", "孤舟蓑笠翁", "独钓寒江雪",
    "穿红裙子的女孩", "森林里的小屋", "夜晚的城市", "山顶上的登山者", "桌上的一杯咖啡",
    "白日依山尽", "黄河入海流", "飞流直下三千尺", "两只黄鹂鸣翠柳", "草原上的马群",
    "戴帽子的老人", "骑自行车的男人", "一束鲜花", "蓝天白云", "水墨山水画",
)  # fmt: skip
"""Thirty short queries, from verse and everyday life: 5 to 10 tokens each."""


class Materials:
    """A folder of materials, which makes what is missing.

    Args:
        folder: where they are kept between runs; about 1 GB.
        photographs: a tar or folder of pictures to ingest; None takes the gallery.
    """

    def __init__(self, folder: Path, photographs: Path | None) -> None:
        self.folder = folder
        self._photographs = photographs
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def converted(self) -> Path:
        """The folder where servers keep converted models."""
        return self.folder / "models"

    def model_path(self, model: str) -> Path | None:
        """Return the checkpoint that a server must be given; None for the packaged model."""
        return None if model == PACKAGED_MODEL else self.weights(model)

    def weights(self, model: str) -> Path:
        """Return a checkpoint of a Chinese-CLIP architecture, drawn at random from a seed."""
        path = self.folder / f"{model}.pt"
        if not path.exists():
            # In a process of its own: the one that measures must not load torch.
            subprocess.run([sys.executable, "-m", "bench.weights", model, str(path)], check=True)
        return path

    @functools.cached_property
    def large_jpegs(self) -> list[Path]:
        """64 JPEGs of 1024×1024, quality 90, of the size of photographs (about 300 kB).

        Enlarged pictures of the gallery, with seeded noise in place of the missing detail.
        """
        folder = self.folder / "large"
        paths = [folder / f"{number:02}.jpg" for number in range(LARGE_COUNT)]
        if not all(path.exists() for path in paths):
            folder.mkdir(exist_ok=True)
            sources = gallery()[:: len(gallery()) // LARGE_COUNT]
            rng = np.random.default_rng(20221102)
            for source, path in zip(sources, paths, strict=False):
                path.write_bytes(_jpeg(_enlarged(source, rng), quality=90))
        return paths

    def photographs(self, count: int) -> Path:
        """Return a folder of `count` pictures, which repeats them if there are fewer.

        Raises:
            ValueError: the tar or folder has no pictures.
        """
        sources = _pictures(self._sources)
        if not sources:
            raise ValueError(f"{self._photographs} has no pictures ({', '.join(sorted(SUFFIXES))})")
        folder = self._sources.with_name(f"{self._sources.name}-{count}")
        folder.mkdir(exist_ok=True)
        if len(list(folder.iterdir())) != count:
            for number, source in enumerate(itertools.islice(itertools.cycle(sources), count)):
                link = folder / f"{number:05}{source.suffix}"
                link.unlink(missing_ok=True)
                # Hard links: `tihua ingest` skips symbolic links that leave its folder.
                link.hardlink_to(source)
        return folder

    @functools.cached_property
    def _sources(self) -> Path:
        """The folder of the materials that holds each picture to ingest once."""
        source = self._photographs or GALLERY
        folder = self.folder / f"photographs-{source.stem}"
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            if source.is_dir():
                for path in _pictures(source):
                    shutil.copyfile(path, partial / path.name)
            else:
                _extract(source, partial)
            partial.replace(folder)
        return folder


@functools.cache
def gallery() -> tuple[Path, ...]:
    """Return the pictures of the packaged gallery, sorted."""
    return tuple(_pictures(GALLERY))


def small_jpegs(count: int) -> list[bytes]:
    """Return pictures of the gallery as JPEGs of 256×256, some 15 kB each."""
    chosen = gallery()[:: max(1, len(gallery()) // count)][:count]
    return [_jpeg(_opaque(path).resize((256, 256)), quality=85) for path in chosen]


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _extract(tar: Path, folder: Path) -> None:
    """Extract a tar's pictures into one flat folder."""
    with tarfile.open(tar) as opened:
        for member in opened:
            content = opened.extractfile(member)
            if content is not None and Path(member.name).suffix.lower() in SUFFIXES:
                name = member.name.strip("./").replace("/", "-")
                (folder / name).write_bytes(content.read())


def _opaque(path: Path) -> Image.Image:
    with Image.open(path) as image:
        picture = image.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return white.convert("RGB")


def _enlarged(path: Path, rng: np.random.Generator) -> Image.Image:
    size = (LARGE_PX, LARGE_PX)
    pixels = np.asarray(_opaque(path).resize(size, Image.Resampling.BICUBIC), np.float32)
    grain = rng.normal(0, 4, pixels.shape[:2])[..., None]
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def _jpeg(image: Image.Image, *, quality: int) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def read_all(paths: Sequence[Path]) -> list[bytes]:
    """Return the content of each file."""
    return [path.read_bytes() for path in paths]
