"""The tours against a server that asks who calls: TLS by a CA of its own, and a token."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from authority import Authority, write_tokens
from processes import running
from toolchains import Programs
from tours import QUERY_PICTURE, answers, ended, finish, lines_of, start

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600, func_only=True)]

TOKEN = "a-token-of-the-tests-" + "7" * 32


@dataclass(frozen=True)
class Guarded:
    """A server that lets in who knows the token, and the CA that signed its certificate."""

    address: str
    ca: Path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One such server."""
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority(folder)
    pair = authority.pair()
    tokens = write_tokens(folder / "tokens", f"tour write {TOKEN}")
    flags = ["--tls-cert", pair.cert, "--tls-key", pair.key, "--token-file", tokens]
    with running(folder / "data", *map(str, flags), module="fake_server") as server:
        yield Guarded(server.address.replace("127.0.0.1", "localhost"), authority.ca)


def test_a_caller_with_a_token_is_let_in_over_tls(
    language: str, built: Programs, guarded: Guarded
) -> None:
    """The whole tour is made, including its bulk stream."""
    command = [*built["tour"], language, QUERY_PICTURE.parent, QUERY_PICTURE]
    environment = {"TIHUA_CA": str(guarded.ca), "TIHUA_TOKEN": TOKEN}
    lines = lines_of(finish(start(command, guarded.address, **environment)))
    [report] = answers(lines, "ingest")
    assert (report["written"], report["failed"], report["streams"]) == (1, 0, 1)
    assert answers(lines, "search")[0]["hits"][0]["item"]["id"] == QUERY_PICTURE.name


def test_a_caller_without_one_is_not(built: Programs, guarded: Guarded, tmp_path: Path) -> None:
    """Health may be asked by everybody; what the server is may not."""
    command = [*built["tour"], "stranger", tmp_path, QUERY_PICTURE]
    process = start(command, guarded.address, TIHUA_CA=str(guarded.ca))
    output, errors = ended(process)
    assert process.returncode != 0
    assert [line["step"] for line in lines_of(output)] == ["health"]
    assert "token" in errors
