"""Gateways in front of a real server."""

from collections.abc import Iterator

import pytest
from envoy_gateway import ALLOWED_ORIGIN, Gateway, gateway_to
from processes import ServerProcess, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server behind all gateways."""
    with running(tmp_path_factory.mktemp("server")) as process:
        yield process


@pytest.fixture(scope="session")
def gateway(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that allows no web pages."""
    with gateway_to(server.address, tmp_path_factory.mktemp("gateway")) as opened:
        yield opened


@pytest.fixture(scope="session")
def open_gateway(
    server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway that allows web pages of one origin."""
    folder = tmp_path_factory.mktemp("open-gateway")
    with gateway_to(server.address, folder, origins=ALLOWED_ORIGIN) as opened:
        yield opened
