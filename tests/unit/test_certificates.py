"""Certificates are looked into before gRPC gets them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from authority import Authority, Pair
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from tihua_server.errors import ConfigError
from tihua_server.rpc.certificates import CertificateFiles


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A CA."""
    return Authority(tmp_path)


def encrypt(key: Path) -> None:
    """Put a password on a key."""
    encrypted = load_pem_private_key(key.read_bytes(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")
    )
    key.write_bytes(encrypted)


WRONG: dict[str, tuple[Callable[[Authority, Pair], object], str]] = {
    "key of another": (
        lambda authority, pair: pair.key.write_bytes(authority.pair().key.read_bytes()),
        "is not the key of the certificate",
    ),
    "expired": (lambda authority, pair: authority.pair(days=-1, into=pair), "expired on 20"),
    "encrypted key": (lambda authority, pair: encrypt(pair.key), "is encrypted"),
    "key open to all": (lambda authority, pair: pair.key.chmod(0o644), "chmod o="),
    "no key": (lambda authority, pair: pair.key.write_text("no"), "has no private key in PEM"),
    "no certificate": (lambda authority, pair: pair.cert.write_text("-"), "no certificate in PEM"),
    "certificate gone": (lambda authority, pair: pair.cert.unlink(), "can't read"),
    "no CA": (lambda authority, pair: authority.ca.write_text("-"), "no certificate in PEM"),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_grpc_would_fail_on_in_silence_is_told(authority: Authority, how: str) -> None:
    """Else every client would be turned away, and the log would not say why."""
    spoil, message = WRONG[how]
    pair = authority.pair()
    files = CertificateFiles(pair.cert, pair.key, authority.ca)
    files.load()
    spoil(authority, pair)
    with pytest.raises(ConfigError, match=message) as refused:
        files.load()
    assert "PRIVATE KEY" not in refused.value.message
