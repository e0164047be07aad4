"""Who may call what."""

import secrets
from pathlib import Path

import pytest
from authority import write_tokens
from google.protobuf import descriptor_pool
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection
from tihua_server.errors import PermissionDenied, ServiceError, Unauthenticated
from tihua_server.rpc.access import ANYBODY, NEEDED_ROLES, Access
from tihua_server.rpc.services import SERVICES
from tihua_server.rpc.token_file import Role

TOKENS = {role: secrets.token_hex(16) for role in Role}
SEARCH = "tihua.v1.SearchService/Search"


@pytest.fixture
def access(tmp_path: Path) -> Access:
    """One token of each role, named for it."""
    lines = [f"{role} {role} {token}" for role, token in TOKENS.items()]
    return Access(write_tokens(tmp_path / "tokens", *lines))


def bearer(token: str) -> list[tuple[str, str | bytes]]:
    """Return metadata with a token."""
    return [("user-agent", "test"), ("authorization", f"Bearer {token}")]


def test_every_method_of_every_service_has_a_role() -> None:
    """And no method has one that is not served."""
    pool = descriptor_pool.Default()
    served = {
        f"{service}/{method.name}"
        for service in (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
        for method in pool.FindServiceByName(service).methods
    }
    assert served == set(NEEDED_ROLES)


@pytest.mark.parametrize("role", Role)
def test_a_role_holds_those_before_it(access: Access, role: Role) -> None:
    """Read < write < admin."""
    for method, needed in NEEDED_ROLES.items():
        caller = access.caller(method, bearer(TOKENS[role]))
        if needed is None or role >= needed:
            access.check(caller, method)
        else:
            with pytest.raises(PermissionDenied, match=f"role {role}; .* needs {needed}"):
                access.check(caller, method)


@pytest.mark.parametrize("header", ["Bearer", "bearer", "BEARER"])
def test_a_caller_is_known_by_its_token(access: Access, header: str) -> None:
    """Names of schemes have no case (RFC 9110)."""
    metadata = [("authorization", f"{header} {TOKENS[Role.WRITE]}")]
    assert access.caller(SEARCH, metadata).name == "write"


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ([], "TOKEN_MISSING"),
        ([("authorization", "")], "TOKEN_MISSING"),
        ([("authorization", "Basic dXNlcjpwYXNz")], "TOKEN_MISSING"),
        ([("authorization", f"Token {TOKENS[Role.ADMIN]}")], "TOKEN_MISSING"),
        ([("authorization", "Bearer")], "TOKEN_UNKNOWN"),
        ([("authorization", "Bearer ")], "TOKEN_UNKNOWN"),
        ([("authorization", b"Bearer \xff")], "TOKEN_UNKNOWN"),
        (bearer(TOKENS[Role.ADMIN][:-1]), "TOKEN_UNKNOWN"),
        (bearer(TOKENS[Role.ADMIN].upper() + "0"), "TOKEN_UNKNOWN"),
        (bearer("admin"), "TOKEN_UNKNOWN"),
    ],
)
def test_whoever_is_not_known_is_refused(
    access: Access, metadata: list[tuple[str, str | bytes]], reason: str
) -> None:
    """The reason tells which, and no message repeats what was sent."""
    with pytest.raises(Unauthenticated) as refused:
        access.caller(SEARCH, metadata)
    assert refused.value.reason == reason
    assert all(str(value) not in refused.value.message for _, value in metadata if value)


def test_health_is_open(access: Access) -> None:
    """Kubernetes has no token."""
    assert access.caller("grpc.health.v1.Health/Check", []) is ANYBODY


def test_without_a_file_everybody_may_do_everything() -> None:
    """The default listens for this machine alone."""
    access = Access(None)
    for method in NEEDED_ROLES:
        caller = access.caller(method, [])
        access.check(caller, method)
        access.check_again(caller)


def test_a_token_that_is_gone_is_refused_in_the_middle_of_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream may last for hours."""
    monkeypatch.setattr("tihua_server.rpc.secret_file.LOOK_S", 0)
    path = write_tokens(tmp_path / "tokens", f"a write {TOKENS[Role.WRITE]}")
    access = Access(path)
    caller = access.caller(SEARCH, bearer(TOKENS[Role.WRITE]))
    access.check_again(caller)
    for lines in (f"b write {TOKENS[Role.READ]}", f"a read {TOKENS[Role.WRITE]}"):
        write_tokens(path, lines)
        with pytest.raises(Unauthenticated, match="was revoked or changed"):
            access.check_again(caller)


def test_every_token_is_compared(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long for the first as for the last and for none, each in constant time."""
    import hmac

    compared = []
    compare = hmac.compare_digest

    def counted(first: bytes, second: bytes) -> bool:
        compared.append(len(first))
        return compare(first, second)

    monkeypatch.setattr("hmac.compare_digest", counted)
    for token in (*TOKENS.values(), "none"):
        compared.clear()
        try:
            access.caller(SEARCH, bearer(token))
        except ServiceError:
            assert token == "none"
        assert compared == [32, 32, 32]
