"""TLS and mTLS with a running server: who may connect, and which errors the others get."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import tihua
from authority import Authority, Pair
from command_line import Tihua
from cryptography import x509
from fake_encoder import FakeEncoder
from in_process import serving
from processes import ServerFailed, run_tihua, running
from scraped import Scraped, scraped_when
from structlog.testing import capture_logs
from tihua_server.app import App
from tihua_server.config import Config

EXPIRY = "tihua_tls_certificate_expiry_timestamp_seconds"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The CA of the server."""
    return Authority(tmp_path)


@pytest.fixture
def other(tmp_path: Path) -> Authority:
    """A CA that the server does not know."""
    return Authority(tmp_path)


@pytest.fixture
def pair(authority: Authority) -> Pair:
    """The server's certificate."""
    return authority.pair()


@pytest.fixture
async def tls_app(encoder: FakeEncoder, pair: Pair, tmp_path: Path) -> AsyncIterator[App]:
    """A server with TLS."""
    config = Config(
        port=0,
        data_dir=tmp_path,
        tls_cert=pair.cert,
        tls_key=pair.key,
        metrics_port=0,
        drain_timeout_s=5,
    )
    async with serving(encoder, config) as app:
        yield app


@pytest.fixture
async def mtls_app(
    encoder: FakeEncoder, authority: Authority, pair: Pair, tmp_path: Path
) -> AsyncIterator[App]:
    """A server that requires client certificates."""
    config = Config(
        port=0,
        data_dir=tmp_path,
        tls_cert=pair.cert,
        tls_key=pair.key,
        tls_client_ca=authority.ca,
        drain_timeout_s=5,
    )
    async with serving(encoder, config) as app:
        yield app


def tls(authority: Authority, client: Pair | None = None) -> tihua.Tls:
    """Trust a CA, and show a certificate if there is one."""
    if client is None:
        return tihua.Tls(ca_file=authority.ca)
    return tihua.Tls(ca_file=authority.ca, cert_file=client.cert, key_file=client.key)


async def refusal(address: str, tls: bool | tihua.Tls) -> tihua.UnavailableError:
    """Return the error of a client that can't connect."""
    async with tihua.AsyncClient(address, tls=tls) as client:
        with pytest.raises(tihua.UnavailableError) as refused:
            await client.server_info()
    return refused.value


async def test_both_clients_speak_tls(tls_app: App, authority: Authority) -> None:
    """This includes calls and streams."""
    item = tihua.Item("a", text="马")
    async with tihua.AsyncClient(tls_app.address, tls=tls(authority), collection="c") as client:
        await client.create_collection()
        assert (await client.ingest([item])).written == 1

    def search() -> str:
        with tihua.Client(tls_app.address, tls=tls(authority), collection="c") as client:
            assert set(client.health().values()) == {"SERVING"}
            assert client.ingest([item]).written == 1
            return client.search(text="马")[0].id

    assert await asyncio.to_thread(search) == "a"


async def test_a_server_of_another_ca_is_not_trusted(tls_app: App, other: Authority) -> None:
    """The message says how to give its CA, which isn't among gRPC's own roots either."""
    for trusted in (tls(other), True):
        refused = await refusal(tls_app.address, trusted)
        assert "name its CA with --ca (ca_file)" in str(refused)
        assert not refused.may_pass


@pytest.mark.parametrize("form", ["ipv4:{0},{0}", "dns:///{0}"])
async def test_one_of_several_servers_that_is_not_trusted_is_no_reason_to_give_up(
    tls_app: App, other: Authority, form: str
) -> None:
    """The others may be back soon, and gRPC reports the error of only one."""
    refused = await refusal(form.format(tls_app.address), tls(other))
    assert "name its CA with --ca (ca_file)" in str(refused)
    assert refused.may_pass


async def test_a_server_that_is_not_trusted_is_not_waited_for(
    tls_app: App, other: Authority, tmp_path: Path
) -> None:
    """`tihua ingest` waits for a starting server, but this one's CA would not change."""
    run = Tihua(tls_app.address)
    result = await asyncio.to_thread(run, "--ca", other.ca, "ingest", tmp_path)
    assert result.exit_code == 1
    assert "name its CA with --ca" in result.stderr
    assert "trying again" not in result.stderr


async def test_a_client_that_does_not_encrypt_is_told_to(tls_app: App) -> None:
    """By itself gRPC only says that a socket was closed."""
    refused = await refusal(tls_app.address, tls=False)
    assert "it may require TLS (--tls, --ca)" in str(refused)
    assert refused.may_pass, "a proxy whose server is starting looks the same"


async def test_a_server_that_does_not_encrypt_is_told_apart(
    encoder: FakeEncoder, authority: Authority, tmp_path: Path
) -> None:
    """By itself gRPC only says that a version number is wrong."""
    async with serving(encoder, Config(port=0, data_dir=tmp_path)) as app:
        assert "it does not speak TLS" in str(await refusal(app.address, tls(authority)))


async def test_a_certificate_for_another_name_is_no_use(
    authority: Authority, pair: Pair, tls_app: App
) -> None:
    """A certificate of the CA for another name does not suffice."""
    authority.pair("example.org", into=pair)
    async with asyncio.timeout(20):
        while "for another name" not in await said(tls_app.address, tls(authority)):
            await asyncio.sleep(0.05)


async def said(address: str, tls: tihua.Tls) -> str:
    """Return the error message of a client, empty if it can connect."""
    async with tihua.AsyncClient(address, tls=tls) as client:
        try:
            await client.server_info()
        except tihua.UnavailableError as error:
            return str(error)
    return ""


async def test_a_client_with_a_certificate_gets_in(mtls_app: App, authority: Authority) -> None:
    """With mTLS both verify each other."""
    async with tihua.AsyncClient(mtls_app.address, tls=tls(authority, authority.pair())) as client:
        assert (await client.server_info()).version


@pytest.mark.parametrize("shows", ["nothing", "another CA's", "an expired one"])
async def test_a_client_without_one_is_turned_away(
    mtls_app: App, authority: Authority, other: Authority, shows: str
) -> None:
    """The error says what may be missing."""
    clients: dict[str, Callable[[], Pair | None]] = {
        "nothing": lambda: None,
        "another CA's": other.pair,
        "an expired one": lambda: authority.pair(days=-1),
    }
    client = clients[shows]()
    refused = await refusal(mtls_app.address, tls(authority, client))
    assert "a client certificate that it trusts (--cert and --key)" in str(refused)


def shown_certificate(address: str) -> int:
    """Return the serial number of the certificate that a server sends on a new connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), 10) as connection,
        context.wrap_socket(connection) as wrapped,
    ):
        shown = wrapped.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number


def serial_of(pair: Pair) -> int:
    """Return the serial number of a certificate."""
    return x509.load_pem_x509_certificate(pair.cert.read_bytes()).serial_number


def expiry_s(pair: Pair) -> float:
    """Return when a certificate expires, in seconds of Unix time."""
    certificate = x509.load_pem_x509_certificate(pair.cert.read_bytes())
    return certificate.not_valid_after_utc.timestamp()


async def test_a_new_certificate_is_shown_without_a_restart(
    tls_app: App, authority: Authority, pair: Pair
) -> None:
    """A connected client is not affected; new connections get the new certificate."""
    old = serial_of(pair)
    assert await asyncio.to_thread(shown_certificate, tls_app.address) == old
    async with tihua.AsyncClient(tls_app.address, tls=tls(authority)) as live:
        await live.server_info()
        authority.pair(into=pair)
        async with asyncio.timeout(20):
            while await asyncio.to_thread(shown_certificate, tls_app.address) != serial_of(pair):
                await live.server_info()
        await live.server_info()
        assert serial_of(pair) != old
        async with tihua.AsyncClient(tls_app.address, tls=tls(authority)) as new:
            assert (await new.server_info()).version


async def test_a_broken_new_certificate_leaves_the_old_one(
    tls_app: App, authority: Authority, pair: Pair
) -> None:
    """This is logged, once and without the key."""
    old = serial_of(pair)
    authority.pair().key.replace(pair.key)
    with capture_logs() as logs:
        async with asyncio.timeout(20):
            while not logs:
                assert await asyncio.to_thread(shown_certificate, tls_app.address) == old
        assert await asyncio.to_thread(shown_certificate, tls_app.address) == old
    [entry] = logs
    assert entry["log_level"] == "error"
    assert "PRIVATE" not in str(entry)


async def test_the_metrics_tell_when_the_certificate_expires(
    tls_app: App, authority: Authority, pair: Pair
) -> None:
    """They follow a new certificate, even before the next client connects."""
    metrics = tls_app.telemetry.addresses["metrics"]
    before = await asyncio.to_thread(Scraped, metrics)
    assert before.value(EXPIRY) == expiry_s(pair)
    authority.pair(days=90, into=pair)
    async with asyncio.timeout(20):
        await scraped_when(expiry_s(pair), metrics, EXPIRY)
    assert expiry_s(pair) > before.value(EXPIRY)


async def test_a_client_ca_is_replaced_without_a_restart(
    mtls_app: App, authority: Authority, other: Authority, tmp_path: Path
) -> None:
    """Clients of the new CA are accepted, and those of the old one are no longer."""
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.ca.read_bytes())
    old, new = (
        tihua.Tls(ca_file=trusted, cert_file=client.cert, key_file=client.key)
        for client in (authority.pair(), other.pair())
    )
    assert not await said(mtls_app.address, old)
    assert await said(mtls_app.address, new)
    authority.ca.write_bytes(other.ca.read_bytes())
    async with asyncio.timeout(20):
        while await said(mtls_app.address, new):
            await asyncio.sleep(0.05)
    assert await said(mtls_app.address, old)


def test_an_expired_certificate_is_refused_at_the_start(
    authority: Authority, tmp_path: Path
) -> None:
    """The server checks this before it loads a model."""
    pair = authority.pair(days=-1)
    flags = ["--tls-cert", str(pair.cert), "--tls-key", str(pair.key)]
    with (
        pytest.raises(ServerFailed, match=r"the certificate .* expired on"),
        running(tmp_path, *flags),
    ):
        pass


def test_other_machines_are_not_let_in_by_accident(tmp_path: Path) -> None:
    """The message names the remedies."""
    with (
        pytest.raises(ServerFailed, match=r"--host 0\.0\.0\.0 .*--tls-cert.*--insecure"),
        running(tmp_path, "--host", "0.0.0.0"),
    ):
        pass


def test_the_command_line_speaks_tls(authority: Authority, tmp_path: Path) -> None:
    """TLS has flags, and each error is one line."""
    pair, client = authority.pair(), authority.pair()
    flags = ["--tls-cert", str(pair.cert), "--tls-key", str(pair.key)]
    flags += ["--tls-client-ca", str(authority.ca)]
    with running(tmp_path, *flags, module="fake_server") as server:
        mine: list[str | Path] = ["--ca", authority.ca, "--cert", client.cert, "--key", client.key]
        good = run_tihua("status", "--json", *mine, address=server.address)
        assert good.returncode == 0, good.stderr
        for options in ([], ["--tls"], ["--ca", str(authority.ca)]):
            bad = run_tihua("status", *options, address=server.address)
            assert bad.returncode == 1
            assert len(bad.stderr.splitlines()) == 1
            assert "--c" in bad.stderr
