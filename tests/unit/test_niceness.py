"""The lower priority of pictures, on systems that deny it."""

import asyncio
import os
import sys
from typing import NoReturn

import pytest
from fake_encoder import FakeEncoder
from structlog.testing import capture_logs
from tihua_server.config import Config
from tihua_server.errors import ServiceError
from tihua_server.niceness import lower_priority
from tihua_server.served_models import ServedModels
from tihua_server.types import RgbImage

SIDE = FakeEncoder.info.image_size


@pytest.fixture(autouse=True)
def denial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deny it, as a service unit of systemd may: `SystemCallFilter=~@resources`."""

    def deny(*_: object) -> NoReturn:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", deny)


async def test_pictures_are_computed_all_the_same() -> None:
    """The priority is an optimization, not a requirement."""
    models = ServedModels([FakeEncoder(image_streams=1)], Config())
    picture = RgbImage(bytes(SIDE * SIDE * 3), SIDE, SIDE)
    async with asyncio.timeout(10):
        [row] = (await models.named("").embed([picture])).rows
    assert not isinstance(row, ServiceError)
    await models.close()


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is of a thread on Linux alone")
def test_the_log_says_so() -> None:
    """Otherwise nobody would know why queries take longer beside pictures."""
    with capture_logs() as logs:
        lower_priority()
    assert logs == [
        {
            "event": "pictures keep the priority of queries",
            "log_level": "info",
            "reason": "Operation not permitted",
        }
    ]
