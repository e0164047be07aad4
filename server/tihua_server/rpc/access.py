"""Authentication by bearer token, and authorization: the one table of each method's role."""

import hmac
from collections.abc import Iterable
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType

from tihua_server.errors import PermissionDenied, Unauthenticated
from tihua_server.rpc.secret_file import WatchedFiles
from tihua_server.rpc.token_file import Role, Token, digest, read_tokens

READ, WRITE, ADMIN = Role.READ, Role.WRITE, Role.ADMIN

NEEDED_ROLES = MappingProxyType(
    {
        "tihua.v1.EmbeddingService/EmbedText": READ,
        "tihua.v1.EmbeddingService/EmbedImage": READ,
        "tihua.v1.SearchService/Search": READ,
        "tihua.v1.SearchService/SearchMany": READ,
        "tihua.v1.SystemService/GetServerInfo": READ,
        "tihua.v1.CollectionService/GetCollection": READ,
        "tihua.v1.CollectionService/ListCollections": READ,
        "tihua.v1.CollectionService/GetItems": READ,
        "tihua.v1.CollectionService/ListItems": READ,
        "tihua.v1.CollectionService/CountItems": READ,
        # Writers may create collections: `tihua ingest` creates the one that it writes to.
        "tihua.v1.CollectionService/CreateCollection": WRITE,
        "tihua.v1.CollectionService/UpsertItems": WRITE,
        "tihua.v1.CollectionService/DeleteItems": WRITE,
        "tihua.v1.IngestService/Ingest": WRITE,
        # These take a collection away from everybody who uses it.
        "tihua.v1.CollectionService/DeleteCollection": ADMIN,
        "tihua.v1.CollectionService/RenameCollection": ADMIN,
        "tihua.v1.CollectionService/SetAlias": ADMIN,
        "tihua.v1.CollectionService/DeleteAlias": ADMIN,
        "tihua.v1.CollectionService/LoadCollection": ADMIN,
        "tihua.v1.CollectionService/BuildIndex": ADMIN,
        "tihua.v1.CollectionService/ReleaseCollection": ADMIN,
        # The contract is public, but a stranger must not hold streams open.
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": READ,
        # Load balancers and Kubernetes have no token.
        "grpc.health.v1.Health/Check": None,
        "grpc.health.v1.Health/List": None,
        "grpc.health.v1.Health/Watch": None,
    }
)
"""The role that each method requires, or None. A method that is not listed can't be served."""

SCHEME = "bearer"
"""As in `authorization: Bearer TOKEN` (RFC 6750); case does not matter (RFC 9110, 11.1)."""

ANYBODY = Token("", Role.ADMIN, b"")
"""The caller of a server without a token file, or of a method that needs no role."""

CALLER: ContextVar[Token] = ContextVar("caller", default=ANYBODY)
"""The caller of the current call."""


class Access:
    """Authenticates callers by their tokens and checks their roles."""

    def __init__(self, token_file: Path | None) -> None:
        """Read the tokens; without a file everybody may do everything.

        Raises:
            ConfigError: the file can't be read, everybody may read it, or a line is malformed.
        """
        self._tokens: WatchedFiles[tuple[Token, ...]] | None = None
        if token_file is not None:
            self._tokens = WatchedFiles([token_file], lambda: read_tokens(token_file))

    def caller(self, method: str, metadata: Iterable[tuple[str, str | bytes]]) -> Token:
        """Authenticate a call and return its caller.

        Args:
            method: its full name, without the leading slash.
            metadata: of the call; the token is in `authorization`.

        Raises:
            Unauthenticated: the token is missing or unknown.
        """
        if self._tokens is None or NEEDED_ROLES[method] is None:
            return ANYBODY
        return _known(_sent_token(metadata), self._tokens.current())

    def check(self, caller: Token, method: str) -> None:
        """Refuse a caller who may not call this method.

        Raises:
            PermissionDenied: the role does not allow it.
        """
        needed = NEEDED_ROLES[method]
        if needed is not None and caller.role < needed:
            raise PermissionDenied(
                f"the token of {caller.name} has the role {caller.role}; "
                f"{method.rpartition('/')[2]} needs {needed}",
                metadata={"name": caller.name, "role": caller.role, "needed": needed},
            )

    def check_again(self, caller: Token) -> None:
        """Refuse the caller of a long call if its token was revoked or changed meanwhile.

        Raises:
            Unauthenticated: the token is no longer known.
        """
        if self._tokens is not None and caller not in self._tokens.current():
            raise Unauthenticated(
                f"the token of {caller.name} was revoked or changed", reason="TOKEN_REVOKED"
            )


def _known(sent: bytes, tokens: tuple[Token, ...]) -> Token:
    """Return the token that was sent; takes equally long for every token, known or not."""
    sent_digest = digest(sent)
    matches = [token for token in tokens if hmac.compare_digest(token.digest, sent_digest)]
    if not matches:
        raise Unauthenticated(
            "this server does not know the token; ask its operator for one",
            reason="TOKEN_UNKNOWN",
        )
    return matches[0]


def _sent_token(metadata: Iterable[tuple[str, str | bytes]]) -> bytes:
    for key, value in metadata:
        if key == "authorization":
            sent = value if isinstance(value, bytes) else value.encode()
            scheme, _, token = sent.partition(b" ")
            if scheme.lower() == SCHEME.encode():
                return token.strip()
    raise Unauthenticated(
        "this server requires a token, as the header `authorization: Bearer TOKEN`; "
        "tihua takes it from --token-file or TIHUA_TOKEN",
        reason="TOKEN_MISSING",
    )
