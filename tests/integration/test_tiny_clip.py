"""The packaged model as shipped: loaded from its file, and called as the server does."""

import hashlib
from importlib import resources
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from tihua_server.clip.loading import load_encoder
from tihua_server.clip.tiny_clip import MODEL_FILE, MODEL_SHA256, read_network, read_tiny_clip
from tihua_server.config import Config
from tihua_server.errors import ModelError
from tihua_server.types import Encoder, FloatArray, PixelArray

SHIPPED = cast("Path", resources.files("tihua_server")) / "models" / MODEL_FILE
MAX_FILE_BYTES = 25_000_000


@pytest.fixture(scope="module")
def tiny_clip() -> Encoder:
    """Return the model that comes with the server."""
    return load_encoder(Config(engine="torch"))


def _texts(encoder: Encoder, *texts: str) -> FloatArray:
    return encoder.encode_texts([encoder.tokenize(text).ids for text in texts])


def _noise(seed: int, side: int) -> PixelArray:
    return np.random.default_rng(seed).integers(0, 256, size=(side, side, 3), dtype=np.uint8)


def _sky_over_grass(side: int) -> PixelArray:
    picture = np.empty((side, side, 3), dtype=np.uint8)
    picture[: side // 2] = (120, 180, 235)
    picture[side // 2 :] = (70, 140, 50)
    return picture


def test_the_shipped_file_is_small_and_has_the_stated_hash() -> None:
    """The file has at most 25 MB, and the SHA-256 that the loader expects."""
    content = SHIPPED.read_bytes()
    assert len(content) <= MAX_FILE_BYTES
    assert hashlib.sha256(content).hexdigest() == MODEL_SHA256


def test_it_says_what_it_is(tiny_clip: Encoder) -> None:
    """It reports its name, its sizes and a fingerprint of 16 hexadecimal digits."""
    info = tiny_clip.info
    assert (info.ref.id, info.dim, info.context_length) == ("tihua-tiny", 512, 52)
    assert len(info.ref.fingerprint) == 16
    assert int(info.ref.fingerprint, 16) >= 0


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [
        ("枯藤老樹昏鴉", "枯藤老树昏鸦"),
        ("斷腸人在天涯", "断肠人在天涯"),
        ("雪地裏奔跑的狗", "雪地里奔跑的狗"),
        ("雪地裡奔跑的狗", "雪地里奔跑的狗"),
        ("騎馬", "骑马"),
    ],
)
def test_traditional_characters_say_what_simplified_ones_do(
    tiny_clip: Encoder, traditional: str, simplified: str
) -> None:
    """It was trained on simplified characters; traditional ones get the same embeddings."""
    in_full, plain = _texts(tiny_clip, traditional, simplified)
    np.testing.assert_allclose(in_full, plain, atol=1e-6)


def test_the_fingerprint_is_the_same_at_every_load(tiny_clip: Encoder) -> None:
    """A collection still matches its model after a restart."""
    assert read_tiny_clip().ref == tiny_clip.info.ref


def test_embeddings_have_norm_one(tiny_clip: Encoder) -> None:
    """This holds for texts and pictures, including an empty text and a black picture."""
    side = tiny_clip.info.image_size
    black = np.zeros((side, side, 3), dtype=np.uint8)
    texts = _texts(tiny_clip, "夕阳西下", "", "a cat", "\ud800\x00", "桥" * 1000)
    pictures = tiny_clip.encode_images([black, _noise(1, side)])
    for embeddings in (texts, pictures):
        assert embeddings.dtype == np.float32
        assert embeddings.shape[1] == tiny_clip.info.dim
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, atol=1e-5)


def test_a_text_embeds_the_same_alone_and_beside_a_longer_one(tiny_clip: Encoder) -> None:
    """The batch of a text, and so its padding, does not change its embedding."""
    alone = _texts(tiny_clip, "一只猫")
    beside = _texts(tiny_clip, "一只猫", "雪地里奔跑的狗，后面跟着两个穿红衣服的孩子")
    assert float(alone[0] @ beside[0]) > 0.9999


def test_a_picture_embeds_the_same_alone_and_in_a_batch(tiny_clip: Encoder) -> None:
    """The batch of a picture does not change its embedding."""
    side = tiny_clip.info.image_size
    pictures = [_noise(seed, side) for seed in range(4)] + [_sky_over_grass(side)]
    alone = tiny_clip.encode_images(pictures[-1:])
    together = tiny_clip.encode_images(pictures)
    assert float(alone[0] @ together[-1]) > 0.9999


def test_texts_of_one_meaning_are_closer_than_others(tiny_clip: Encoder) -> None:
    """夕阳 and 日落 both mean sunset; 摩托车 means motorcycle."""
    sunset, same, other = _texts(tiny_clip, "夕阳", "日落", "摩托车")
    assert float(sunset @ same) > float(sunset @ other) + 0.2


def test_a_picture_is_closest_to_the_text_that_describes_it(tiny_clip: Encoder) -> None:
    """A blue half over a green half is a meadow, and nothing else on the list."""
    picture = tiny_clip.encode_images([_sky_over_grass(tiny_clip.info.image_size)])[0]
    texts = ["蓝天下的草地", "一只猫", "红色的摩托车", "弹吉他的男人", "足球比赛"]
    scores = _texts(tiny_clip, *texts) @ picture
    assert texts[int(scores.argmax())] == "蓝天下的草地"


def test_a_damaged_copy_is_refused(tmp_path: Path) -> None:
    """The error names the truncated file, and what it may be."""
    copy = tmp_path / "cut.safetensors"
    copy.write_bytes(SHIPPED.read_bytes()[:1_000_000])
    with pytest.raises(ModelError, match=r"cut\.safetensors is damaged or no tihua-tiny model"):
        read_tiny_clip(copy)


@pytest.mark.parametrize("content", [b"", b"not a model", bytes(64)])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever the bytes, the error is a `ModelError`, which the command line can show."""
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    with pytest.raises(ModelError, match="damaged or no tihua-tiny model"):
        read_tiny_clip(file)


def test_a_shipped_file_with_one_wrong_bit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash covers every byte: a changed weight does not pass for the released model."""
    content = bytearray(SHIPPED.read_bytes())
    content[-1] ^= 1
    damaged = tmp_path / MODEL_FILE
    damaged.write_bytes(content)
    monkeypatch.setattr("tihua_server.clip.tiny_clip.PACKAGED_MODEL", damaged)
    with pytest.raises(ModelError, match="install the package again"):
        read_tiny_clip()
    # Training may start from this file, too.
    with pytest.raises(ModelError, match="install the package again"):
        read_network(damaged)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message names the file, without its folder."""
    with pytest.raises(ModelError, match=r"^model file absent\.safetensors cannot be read"):
        read_tiny_clip(tmp_path / "absent.safetensors")
