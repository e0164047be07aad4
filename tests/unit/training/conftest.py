"""Small materials: a few plain pictures in the folders that training reads."""

import importlib.util
import io
import json
from pathlib import Path

import pytest
import torch
from coloured_pairs import write_coloured_pairs
from PIL import Image
from small_fine_tuning import small_state
from tihua_server.training.emoji import TEST_SET, TRAINING_SETS, EmojiSet

EMOJI = {"1f40e": ("马", (120, 70, 20)), "1f319": ("月亮", (250, 220, 80))}
"""Code → Chinese name and colour of the pictures."""


def _file(colour: tuple[int, ...], picture_format: str, side: int = 24) -> bytes:
    mode = "RGB" if len(colour) == 3 else "RGBA"
    content = io.BytesIO()
    Image.new(mode, (side, side), colour).save(content, picture_format)
    return content.getvalue()


def _write_set(node_modules: Path, emoji_set: EmojiSet, codes: tuple[str, ...]) -> None:
    folder = node_modules / emoji_set.folder
    folder.mkdir(parents=True)
    picture_format = {".png": "PNG", ".webp": "WEBP"}[emoji_set.suffix]
    for code in codes:
        colour = EMOJI[code.split("-")[0]][1]
        (folder / f"{code}{emoji_set.suffix}").write_bytes(_file((*colour, 200), picture_format))


@pytest.fixture
def node_modules(tmp_path: Path) -> Path:
    """Noto and Fluent with a horse and a moon; the moon of Noto has a skin tone besides."""
    folder = tmp_path / "node_modules"
    _write_set(folder, TRAINING_SETS[0], ("1f40e", "1f319-fe0f", "1f319-1f3fb"))
    _write_set(folder, TEST_SET, ("1f40e", "1f319"))
    names = [
        {"hexcode": code.upper(), "label": name, "tags": ["东西", name]}
        for code, (name, _) in EMOJI.items()
    ]
    names.append({"hexcode": "1F319-1F3FB", "label": "月亮: 较浅肤色"})
    table = folder / "emojibase-data" / "zh" / "data.json"
    table.parent.mkdir(parents=True)
    table.write_text(json.dumps(names), encoding="utf-8")
    return folder


@pytest.fixture
def photograph_folder(tmp_path: Path) -> Path:
    """Two photographs under train/ with two captions each, one under val/ with one."""
    folder = tmp_path / "photographs"
    for split, names in (("train", ("a", "b")), ("val", ("c",))):
        (folder / split).mkdir(parents=True)
        for name in names:
            picture = Image.effect_noise((32, 20), 80).convert("RGB")
            picture.save(folder / split / f"{name}.jpg")
    lines = ["image\tcaption", "train/a.jpg\t一只狗", "train/a.jpg\t狗在跑", "train/b.jpg\t一个人"]
    lines += ["train/b.jpg\t 人在走 ", "val/c.jpg\t一座桥", "val/absent.jpg\t不在"]
    (folder / "captions.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def torch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute by torch, as without OpenVINO or on a GPU: OpenVINO takes seconds to convert."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "openvino" else find_spec(name)
    )


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """Return the weights to start from."""
    return small_state()


@pytest.fixture
def coloured(tmp_path: Path) -> Path:
    """A red and a blue picture to train on, and others of the same colours to measure by."""
    return write_coloured_pairs(tmp_path / "coloured")
