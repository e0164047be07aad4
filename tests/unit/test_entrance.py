"""Where a server may listen, and with what."""

from pathlib import Path
from typing import Any

import pytest
from authority import Authority, write_tokens
from tihua_server.config import Config
from tihua_server.errors import ConfigError
from tihua_server.rpc.entrance import Entrance, server_options


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A CA."""
    return Authority(tmp_path)


@pytest.fixture
def means(authority: Authority, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """What a server may be given."""
    pair = authority.pair()
    tokens = write_tokens(tmp_path / "tokens", f"a read {'0' * 32}")
    return {
        "nothing": {},
        "tls": {"tls_cert": pair.cert, "tls_key": pair.key},
        "mtls": {"tls_client_ca": authority.ca},
        "token": {"token_file": tokens},
        "insecure": {"insecure": True},
    }


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "no.such.host.invalid", ""])
@pytest.mark.parametrize(
    ("given", "remedies"),
    [
        (["nothing"], ["--tls-cert and --tls-key", "--token-file or --tls-client-ca"]),
        (["tls"], ["--token-file or --tls-client-ca"]),
        (["token"], ["--tls-cert and --tls-key"]),
    ],
)
def test_other_machines_are_not_let_in_unsafely(
    means: dict[str, dict[str, Any]], host: str, given: list[str], remedies: list[str]
) -> None:
    """The message says what is missing, and how to have it all the same."""
    config = Config(host=host, **{key: v for name in given for key, v in means[name].items()})
    with pytest.raises(ConfigError) as refused:
        Entrance(config)
    for remedy in (*remedies, "--insecure"):
        assert remedy in refused.value.message


@pytest.mark.parametrize(
    ("host", "given"),
    [
        ("127.0.0.1", ["nothing"]),
        ("localhost", ["nothing"]),
        ("127.8.8.8", ["token"]),
        ("::1", ["nothing"]),
        ("0.0.0.0", ["insecure"]),
        ("0.0.0.0", ["token", "insecure"]),
        ("0.0.0.0", ["tls", "token"]),
        ("::", ["tls", "mtls"]),
    ],
)
def test_this_machine_is_let_in_and_others_safely(
    means: dict[str, dict[str, Any]], host: str, given: list[str]
) -> None:
    """Encrypted and known, or because the operator says so."""
    Entrance(Config(host=host, **{key: v for name in given for key, v in means[name].items()}))


@pytest.mark.parametrize("given", ["tls_cert", "tls_key", "tls_client_ca"])
def test_half_a_certificate_is_refused(authority: Authority, given: str) -> None:
    """A server that was told of a key and does not encrypt would be a trap."""
    some: dict[str, Any] = {given: authority.pair().cert}
    with pytest.raises(ConfigError, match="--tls-cert and --tls-key go together"):
        Entrance(Config(**some))


def test_tls_is_told(means: dict[str, dict[str, Any]]) -> None:
    """The log says how calls are encrypted."""
    assert Entrance(Config()).tls == "off"
    assert Entrance(Config(**means["tls"])).tls == "on"
    assert Entrance(Config(**means["tls"], **means["mtls"])).tls == "mutual"


def test_every_limit_of_grpc_is_told_to_grpc() -> None:
    """What GetServerInfo says is what holds."""
    options = dict(server_options(Config()))
    limits = Config().limits
    assert options["grpc.max_concurrent_streams"] == limits.max_calls_per_connection
    assert options["grpc.absolute_max_metadata_size"] == limits.max_header_bytes
    assert (
        options["grpc.http2.min_ping_interval_without_data_ms"] == limits.min_ping_interval_s * 1000
    )
