"""A second fake model, for servers that have two."""

import dataclasses

from fake_encoder import FakeEncoder
from tihua_server.types import ModelRef


class SecondEncoder(FakeEncoder):
    """Differs from `FakeEncoder` in name, dimension and picture size."""

    info = dataclasses.replace(
        FakeEncoder.info, ref=ModelRef("second", "5ec05ec05ec05ec0"), dim=48, image_size=24
    )
