"""Decoding large JPEGs at a fraction of their size hardly moves their embeddings."""

from io import BytesIO

import numpy as np
import pytest
from picture_files import encode
from PIL import Image
from processes import GALLERY
from tihua._picture import decoding
from tihua_server.clip.loading import load_encoder
from tihua_server.config import Config
from tihua_server.images import decode_image
from tihua_server.types import Encoder

NAMES = ("photo_alpine_firs_and_peaks", "photo_cat_running_sequence", "photo_lily_leek_flower")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """The packaged model."""
    return load_encoder(Config())


@pytest.mark.parametrize("name", NAMES)
def test_a_drafted_photograph_keeps_its_embedding(encoder: Encoder, name: str) -> None:
    """The cosine to full decoding is at least 0.999, at the smallest size that is drafted."""
    size = encoder.info.image_size
    least = 2 * decoding.DRAFT_MARGIN * size
    photograph = Image.open(GALLERY / f"{name}.jpg").convert("RGB")
    grain = np.random.default_rng(0).normal(0, 4, (least, least, 3))
    large = np.asarray(photograph.resize((least, least), Image.Resampling.LANCZOS)) + grain
    content = encode(Image.fromarray(np.uint8(large.clip(0, 255))), "JPEG", quality=92)
    whole = Image.open(BytesIO(content)).resize((size, size), Image.Resampling.BICUBIC)
    drafted = decode_image(content, size, max_pixels=least * least)
    assert not np.array_equal(drafted, np.asarray(whole))
    embeddings = encoder.encode_images([drafted, np.asarray(whole)])
    assert embeddings[0] @ embeddings[1] >= 0.999
