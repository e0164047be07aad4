"""The file of bearer tokens: who may call, and in which role.

    # name     role    token (openssl rand -hex 32)
    shop       read    6f0c…
    indexer    write   91be…
    operator   admin   a3d2…

A role includes the roles before it. Messages name the line and never quote it: a misplaced column
would put a token into the log.
"""

import hashlib
import re
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from tihua_server.errors import ConfigError
from tihua_server.rpc.secret_file import read_secret


class Role(IntEnum):
    """What a caller may do; each role includes those before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    def __str__(self) -> str:
        """Return the word of the file."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Token:
    """A token; only its hash is kept.

    Attributes:
        name: whose it is, for the log.
        role: what it may do.
        digest: SHA-256 of it.
    """

    name: str
    role: Role
    digest: bytes = field(repr=False)


_ROLES = {str(role): role for role in Role}
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{32,512}")
"""The characters of RFC 6750, section 2.1; 32 hexadecimal digits are 128 bits."""


def digest(token: bytes) -> bytes:
    """Return the hash by which tokens are compared; it has the same length for all of them."""
    return hashlib.sha256(token).digest()


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Return the tokens of a file.

    Raises:
        ConfigError: the file can't be read, everybody may read it, or a line is malformed.
    """
    try:
        text = read_secret(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text") from error
    tokens: dict[str, Token] = {}
    digests: set[bytes] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        token = _token(line.split(), f"{path}, line {number}")
        if token.name in tokens or token.digest in digests:
            raise ConfigError(f"{path}, line {number}: an earlier line has the same name or token")
        tokens[token.name] = token
        digests.add(token.digest)
    if not tokens:
        raise ConfigError(
            f"{path} has no token, so nobody could call; a line is: NAME ROLE TOKEN, with a "
            "token of `openssl rand -hex 32`"
        )
    return tuple(tokens.values())


def _token(words: list[str], where: str) -> Token:
    if len(words) != 3:
        raise ConfigError(f"{where} has {len(words)} words; it must be: NAME ROLE TOKEN")
    name, role, token = words
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where}: the name must be 1 to 64 letters, digits, dots, _ and -")
    if role not in _ROLES:
        raise ConfigError(f"{where}: the second word must be one of {', '.join(_ROLES)}")
    if not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"{where}: the token has {len(token)} characters; it must be 32 to 512 letters, "
            "digits and ._~+/=- that nobody guesses: `openssl rand -hex 32`"
        )
    return Token(name, _ROLES[role], digest(token.encode()))
