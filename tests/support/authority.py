"""A CA for tests, and the files that it issues to servers and clients."""

import datetime as dt
import itertools
from dataclasses import dataclass
from pathlib import Path

import trustme

_numbers = itertools.count()


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path) -> None:
        """Make a CA; its certificate is `ca`."""
        self._folder = folder
        self._ca = trustme.CA()
        self.ca = folder / f"ca{next(_numbers)}.pem"
        self._ca.cert_pem.write_to_path(self.ca)

    def pair(self, *names: str, days: float = 30, into: Pair | None = None) -> Pair:
        """Issue a certificate, for this machine by default; overwrite the files of `into`."""
        now = dt.datetime.now(dt.UTC)
        issued = self._ca.issue_cert(
            *(names or ("localhost", "127.0.0.1")),
            not_before=now - dt.timedelta(days=60),
            not_after=now + dt.timedelta(days=days),
        )
        number = next(_numbers)
        pair = into or Pair(self._folder / f"{number}.pem", self._folder / f"{number}.key")
        pair.cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        pair.key.write_bytes(issued.private_key_pem.bytes())
        pair.key.chmod(0o600)
        return pair


def write_tokens(path: Path, *lines: str) -> Path:
    """Write a file of tokens that its owner alone may read."""
    path.touch(0o600)
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
