"""`tihua collections copy` to a server with TLS and authentication."""

import asyncio
import secrets
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import tihua
from authority import Authority, Pair, write_tokens
from fake_encoder import FakeEncoder
from in_process import serving
from processes import run_tihua
from tihua_server.app import App
from tihua_server.config import Config

TOKEN = secrets.token_hex(32)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The CA of the target server and its clients."""
    return Authority(tmp_path)


@pytest.fixture
async def source(encoder: FakeEncoder, tmp_path: Path) -> AsyncIterator[App]:
    """A plain server with one item in `pictures`."""
    config = Config(port=0, data_dir=tmp_path / "old", drain_timeout_s=5)
    async with serving(encoder, config) as app:
        async with tihua.AsyncClient(app.address) as client:
            await client.create_collection()
            await client.upsert([tihua.Item("a", text="马")])
        yield app


@pytest.fixture
async def target(encoder: FakeEncoder, authority: Authority, tmp_path: Path) -> AsyncIterator[App]:
    """A server that requires TLS and a token."""
    pair = authority.pair()
    config = Config(
        port=0,
        data_dir=tmp_path / "new",
        tls_cert=pair.cert,
        tls_key=pair.key,
        token_file=write_tokens(tmp_path / "tokens", f"copier write {TOKEN}"),
        drain_timeout_s=5,
    )
    async with serving(encoder, config) as app:
        yield app


@pytest.fixture
async def mutual_target(
    encoder: FakeEncoder, authority: Authority, tmp_path: Path
) -> AsyncIterator[App]:
    """A server that requires a client certificate."""
    pair = authority.pair()
    config = Config(
        port=0,
        data_dir=tmp_path / "new",
        tls_cert=pair.cert,
        tls_key=pair.key,
        tls_client_ca=authority.ca,
        drain_timeout_s=5,
    )
    async with serving(encoder, config) as app:
        yield app


async def copied(
    source: App, target: App, *flags: str | Path
) -> "subprocess.CompletedProcess[str]":
    """Copy `pictures` by the command."""
    words = ("collections", "copy", "pictures", "--to", target.address, *flags)
    return await asyncio.to_thread(run_tihua, *words, address=source.address)


async def test_a_copy_goes_to_a_server_with_tls_and_a_token(
    source: App,
    target: App,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The token file is for the target, and TIHUA_TOKEN for the source."""
    monkeypatch.setenv("TIHUA_TOKEN", secrets.token_hex(32))
    token_file = write_tokens(tmp_path / "token", TOKEN)
    done = await copied(source, target, "--to-ca", authority.ca, "--to-token-file", token_file)
    assert done.returncode == 0, done.stderr
    tls = tihua.Tls(ca_file=authority.ca)
    async with tihua.AsyncClient(target.address, tls=tls, token=TOKEN) as client:
        assert [item.id async for item in client.list_items()] == ["a"]


async def test_the_token_of_the_source_is_not_sent_to_the_other_server(
    source: App, target: App, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays private even if the target would accept it."""
    monkeypatch.setenv("TIHUA_TOKEN", TOKEN)
    done = await copied(source, target, "--to-ca", authority.ca)
    assert done.returncode == 1
    assert "requires a token" in done.stderr
    tls = tihua.Tls(ca_file=authority.ca)
    async with tihua.AsyncClient(target.address, tls=tls, token=TOKEN) as client:
        assert await client.list_collections() == []


async def test_a_copy_shows_its_certificate(
    source: App, mutual_target: App, authority: Authority
) -> None:
    """The client certificate and its key are options beside the server's CA."""
    mine: Pair = authority.pair()
    flags = ("--to-ca", authority.ca, "--to-cert", mine.cert, "--to-key", mine.key)
    done = await copied(source, mutual_target, *flags)
    assert done.returncode == 0, done.stderr
    tls = tihua.Tls(ca_file=authority.ca, cert_file=mine.cert, key_file=mine.key)
    async with tihua.AsyncClient(mutual_target.address, tls=tls) as client:
        assert [item.id async for item in client.list_items()] == ["a"]


@pytest.mark.parametrize(("flags", "told"), [((), "TLS"), (("--to-tls",), "certificate")])
async def test_what_keeps_a_copy_from_a_server_with_tls_is_told(
    source: App, target: App, flags: tuple[str, ...], told: str
) -> None:
    """TLS must be asked for, and then trusts gRPC's own CAs by default."""
    done = await copied(source, target, *flags)
    assert done.returncode == 1
    assert told in done.stderr
