"""What a server logs when it starts."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
from fake_encoder import FakeEncoder
from in_process import serving
from second_encoder import SecondEncoder
from structlog.testing import capture_logs
from tihua_server.config import DEFAULT_MODEL, Config
from tihua_server.types import Encoder, ModelRef

HINTS = (
    "for production start Chinese-CLIP, for example with --model ViT-B-16",
    "collections made with tihua-tiny must then be reindexed",
)


class Packaged(FakeEncoder):
    """Has the name of the packaged model."""

    info = dataclasses.replace(FakeEncoder.info, ref=ModelRef(DEFAULT_MODEL, "7141a7141a7141a7"))


@pytest.mark.parametrize(
    ("models", "is_told"),
    [([Packaged()], True), ([FakeEncoder()], False), ([Packaged(), SecondEncoder()], False)],
)
async def test_a_server_of_the_packaged_model_alone_says_how_to_serve_another(
    models: Sequence[Encoder], tmp_path: Path, *, is_told: bool
) -> None:
    """A server with any other model needs no such hint."""
    first, *others = models
    config = Config(port=0, data_dir=tmp_path, drain_timeout_s=5)
    async with serving(first, config, *others) as app:
        with capture_logs() as logs:
            app.announce()
    for hint in HINTS:
        assert any(hint in entry["event"] for entry in logs) == is_told
