"""The file of tokens."""

from pathlib import Path

import pytest
from authority import write_tokens
from tihua_server.errors import ConfigError
from tihua_server.rpc.token_file import Role, digest, read_tokens

# Not drawn: they get into the names of tests, which shall be the same in every run.
SECRET = "5ec2e7d0" * 8
OTHER = "07be2d0c" * 8


def test_names_roles_and_digests_are_read(tmp_path: Path) -> None:
    """Comments and empty lines are none, and columns may be as wide as one likes."""
    path = write_tokens(
        tmp_path / "tokens",
        "\ufeff# who may",
        "",
        f"shop   read  {SECRET}",
        f"\tops admin {OTHER} ",
    )
    first, second = read_tokens(path)
    assert (first.name, first.role, first.digest) == ("shop", Role.READ, digest(SECRET.encode()))
    assert (second.name, second.role) == ("ops", Role.ADMIN)


WRONG = {
    "shop read": "line 2 has 2 words",
    f"shop read {SECRET} now": "line 2 has 4 words",
    f"shop reader {SECRET}": "the second word must be one of read, write, admin",
    f"shop {SECRET} read": "the second word must be",
    f"{SECRET} read shop": "the token has 4 characters",
    f"{SECRET * 2} read {OTHER}": "the name must be",
    "shop read hunter2": "the token has 7 characters; it must be 32 to 512",
    f"shop read {SECRET[:-1]}é": "the token has 64 characters",
    f"a read {SECRET}\nb read {SECRET}": "line 3: an earlier line has the same name or token",
    f"a read {SECRET}\na read {OTHER}": "line 3: an earlier line",
    "": "has no token",
}


@pytest.mark.parametrize("lines", WRONG)
def test_a_wrong_line_is_named_and_not_quoted(tmp_path: Path, lines: str) -> None:
    """Whatever stands where it should not, no secret of the file gets into the message."""
    path = write_tokens(tmp_path / "tokens", "# tokens", lines)
    with pytest.raises(ConfigError, match=WRONG[lines]) as refused:
        read_tokens(path)
    for secret in (SECRET, OTHER, "hunter2"):
        assert secret not in refused.value.message


def test_a_token_is_not_shown(tmp_path: Path) -> None:
    """Neither it nor its digest: whoever prints a caller prints a name."""
    [token] = read_tokens(write_tokens(tmp_path / "tokens", f"shop read {SECRET}"))
    assert SECRET not in repr(token)
    assert repr(token.digest) not in repr(token)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    """A key in binary form, for example."""
    path = write_tokens(tmp_path / "tokens")
    path.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        read_tokens(path)
