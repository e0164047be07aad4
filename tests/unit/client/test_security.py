"""What a client shows of itself, and whom it trusts."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tihua
from authority import Authority
from tihua._channel import is_loopback
from tihua._status import _explained

# Not drawn: it gets into the names of tests, which shall be the same in every run.
TOKEN = "70ce4" * 12

CLIENTS = [tihua.Client, tihua.AsyncClient]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A CA."""
    return Authority(tmp_path)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_token_does_not_go_unencrypted_to_another_machine(client: Callable[..., Any]) -> None:
    """Unless the user says so; the message says how, and not what."""
    with pytest.raises(tihua.InvalidRequestError, match=r"--tls.*--insecure") as refused:
        client("gpu.example:50051", token=TOKEN)
    assert refused.value.reason == "TOKEN_IN_CLEAR"
    assert TOKEN not in str(refused.value)
    client("gpu.example:50051", token=TOKEN, tls=True)
    client("gpu.example:50051", token=TOKEN, insecure=True)
    client("localhost:50051", token=TOKEN)


@pytest.mark.parametrize("token", ["with space" + TOKEN, "line\n" + TOKEN, "密" + TOKEN])
def test_what_is_no_token_is_refused(token: str) -> None:
    """It would end the header, or not fit into one."""
    with pytest.raises(tihua.InvalidRequestError) as refused:
        tihua.Client(token=token)
    assert refused.value.reason == "BAD_TOKEN"
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("localhost:1", True),
        ("127.0.0.1:1", True),
        ("[::1]:1", True),
        ("unix:/run/tihua.sock", True),
        ("unix-abstract:tihua", True),
        ("dns:///localhost:1", True),
        ("dns:localhost", True),
        ("ipv4:127.0.0.1:1,127.0.0.2:2", True),
        ("ipv6:[::1]:1", True),
        ("unixbox.example:1", False),
        ("unix1:1", False),
        ("ipv4:127.0.0.1:1,192.0.2.1:1", False),
        ("localhost.example:1", False),
        ("127.0.0.1.example:1", False),
        ("dns://192.0.2.1/gpu:1", False),
        ("dns:///gpu:1", False),
        ("[2001:db8::1]:1", False),
        ("xds:///localhost", False),
    ],
)
def test_this_machine_is_told_from_others(address: str, expected: bool) -> None:
    """A name that only begins like it is another."""
    assert is_loopback(address) is expected


def empty(authority: Authority) -> Path:
    """Return a file with nothing in it."""
    path = authority.ca.with_name("empty.pem")
    path.touch()
    return path


WRONG: dict[str, tuple[Callable[[Authority], dict[str, object]], str]] = {
    "no file": (lambda authority: {"ca_file": "none.pem"}, "can't read none.pem: No such file"),
    "nothing": (lambda authority: {"ca_file": empty(authority)}, "has no certificate of a CA"),
    "no CA": (lambda authority: {"ca_file": authority.pair().key}, "has no certificate of a CA"),
    "no key": (lambda authority: {"cert_file": authority.pair().cert}, "--cert and --key"),
    "another key": (
        lambda authority: {"cert_file": authority.pair().cert, "key_file": authority.pair().key},
        "are not a certificate and its unencrypted key",
    ),
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("how", WRONG)
def test_files_that_can_not_be_used_are_named(
    authority: Authority, client: Callable[..., Any], how: str
) -> None:
    """GRPC would say later that nobody can be reached."""
    make, message = WRONG[how]
    with pytest.raises(tihua.InvalidRequestError, match=message) as refused:
        client(tls=tihua.Tls(**make(authority)))  # type: ignore[arg-type]
    assert refused.value.reason == "BAD_CERTIFICATE"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_key_for_everybody_to_read_is_refused(
    authority: Authority, client: Callable[..., Any]
) -> None:
    """A certificate may be read by whoever likes."""
    pair = authority.pair()
    pair.cert.chmod(0o644)
    tls = tihua.Tls(cert_file=pair.cert, key_file=pair.key)
    client(tls=tls)
    pair.key.chmod(0o644)
    with pytest.raises(tihua.InvalidRequestError, match=rf"\(mode 644\); chmod o= {pair.key}"):
        client(tls=tls)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_bundle_of_cas_may_have_comments(
    authority: Authority, client: Callable[..., Any]
) -> None:
    """In any language."""
    authority.ca.write_bytes("# 我们的 CA\n".encode() + authority.ca.read_bytes())
    client(tls=tihua.Tls(ca_file=authority.ca))


@pytest.mark.parametrize("client", CLIENTS)
def test_certificates_and_key_may_come_from_pipes(
    authority: Authority, client: Callable[..., Any], tmp_path: Path
) -> None:
    """As `--key <(vault read …)` has them: each can be read once."""
    pair = authority.pair()
    pipes = {}
    for name, file in (("ca_file", authority.ca), ("cert_file", pair.cert), ("key_file", pair.key)):
        pipes[name] = tmp_path / name
        os.mkfifo(pipes[name])
        content = file.read_bytes()
        writer = threading.Thread(target=pipes[name].write_bytes, args=(content,), daemon=True)
        writer.start()
    client(tls=tihua.Tls(**pipes))
    with pytest.raises(tihua.InvalidRequestError, match="has no certificate of a CA"):
        client(tls=tihua.Tls(ca_file=os.devnull))


def test_a_connection_that_breaks_is_no_handshake_that_fails() -> None:
    """The same words of gRPC mean another thing before the first byte than after it."""
    told = _explained("UNAVAILABLE", "Socket closed", "a:1", None, is_encrypted=True)
    assert told.startswith("no tihua server answers at a:1; ")
