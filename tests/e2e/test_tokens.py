"""Bearer tokens with a running server: who may call what, and what stays secret."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import tihua
from authority import write_tokens
from fake_encoder import FakeEncoder
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from in_process import serving
from processes import run_tihua, running
from tihua_server.config import Config, Limits
from tihua_server.rpc.access import NEEDED_ROLES
from tihua_server.rpc.token_file import Role

TOKENS = {role: secrets.token_hex(32) for role in Role}
CALLERS: dict[str, str | None] = {"nobody": None, "stranger": secrets.token_hex(32)} | {
    str(role): token for role, token in TOKENS.items()
}
STREAMS = {
    "tihua.v1.IngestService/Ingest",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "grpc.health.v1.Health/Watch",
}
ROLES = {str(role): role for role in Role}
REFUSALS = {
    "nobody": ("UNAUTHENTICATED", "TOKEN_MISSING"),
    "stranger": ("UNAUTHENTICATED", "TOKEN_UNKNOWN"),
}


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """A file with a token of each role."""
    lines = (f"{role}er {role} {token}" for role, token in TOKENS.items())
    return write_tokens(tmp_path / "tokens", "# test", *lines)


@pytest.fixture
async def address(encoder: FakeEncoder, tokens: Path, tmp_path: Path) -> AsyncIterator[str]:
    """A server that requires these tokens."""
    config = Config(port=0, data_dir=tmp_path, token_file=tokens, drain_timeout_s=5)
    async with serving(encoder, config) as app:
        yield app.address


async def outcome(channel: grpc.aio.Channel, method: str, token: str | None) -> Any:
    """Call a method with an empty request; return its error, None if there is none."""
    metadata = [("authorization", f"Bearer {token}")] if token else []
    try:
        if method in STREAMS:
            stream: Any = channel.stream_stream(f"/{method}")
            call = stream(metadata=metadata, timeout=10)
            await call.write(b"")
            await call.read()
            call.cancel()
        else:
            unary: Any = channel.unary_unary(f"/{method}")
            await unary(b"", metadata=metadata, timeout=10)
    except grpc.aio.AioRpcError as error:
        return error
    return None


async def test_every_method_asks_for_its_role(address: str) -> None:
    """Every method is called by nobody, a stranger and each role; refusals have a reason."""
    wrong = []
    async with grpc.aio.insecure_channel(address) as channel:
        for method, needed in NEEDED_ROLES.items():
            for name, token in CALLERS.items():
                error = await outcome(channel, method, token)
                found = ("OK", "") if error is None else (error.code().name, reason_of(error))
                if needed is None or ROLES.get(name, 0) >= needed:
                    is_right = found[0] not in {"UNAUTHENTICATED", "PERMISSION_DENIED"}
                else:
                    is_right = found == REFUSALS.get(name, ("PERMISSION_DENIED", "ROLE_TOO_SMALL"))
                if not is_right:
                    wrong.append((method, name, found))
    assert not wrong


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """Return ErrorInfo's reason; empty where there is none."""
    status: Any = rpc_status.from_call(error)  # type: ignore[arg-type]
    info = error_details_pb2.ErrorInfo()
    return info.reason if status and status.details[0].Unpack(info) else ""


async def test_a_stranger_s_message_is_not_read(address: str) -> None:
    """The headers suffice to refuse the call, whatever the length of the message."""
    options = [("grpc.max_send_message_length", -1)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        embed: Any = channel.unary_unary("/tihua.v1.EmbeddingService/EmbedImage")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await embed(bytes(100 * 2**20))
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_both_clients_bring_their_token(address: str) -> None:
    """They send it with calls and streams; an insufficient role gets the required one."""
    async with tihua.AsyncClient(address, token=TOKENS[Role.WRITE]) as writer:
        await writer.create_collection("c")
        summary = await writer.ingest([tihua.Item("a", text="马")], collection="c")
        assert summary.written == 1
        with pytest.raises(tihua.PermissionDeniedError, match=r"role write; .* needs admin"):
            await writer.delete_collection("c")

    def read() -> None:
        with tihua.Client(address, collection="c", token=TOKENS[Role.READ]) as reader:
            assert reader.search(text="马")[0].id == "a"
            with pytest.raises(tihua.PermissionDeniedError):
                reader.ingest([tihua.Item("b", text="马")])
        with tihua.Client(address) as nobody, pytest.raises(tihua.UnauthenticatedError) as refused:
            nobody.server_info()
        assert refused.value.reason == "TOKEN_MISSING"

    await asyncio.to_thread(read)


async def test_health_needs_no_token(address: str) -> None:
    """Kubernetes and load balancers have no token."""
    async with tihua.AsyncClient(address) as nobody:
        assert set((await nobody.health()).values()) == {"SERVING"}


async def test_tokens_are_given_and_taken_while_the_server_runs(address: str, tokens: Path) -> None:
    """A new token is accepted, and the old one no longer is."""
    new = secrets.token_hex(32)
    async with (
        tihua.AsyncClient(address, token=TOKENS[Role.READ]) as old_client,
        tihua.AsyncClient(address, token=new) as new_client,
    ):
        await old_client.server_info()
        write_tokens(tokens, f"other read {new}")
        async with asyncio.timeout(20):
            while not await is_known(new_client):
                await asyncio.sleep(0.05)
        assert not await is_known(old_client)


async def is_known(client: tihua.AsyncClient) -> bool:
    """Return whether the server knows a client's token."""
    try:
        await client.server_info()
    except tihua.UnauthenticatedError:
        return False
    return True


async def test_a_stream_ends_when_its_token_is_taken_back(address: str, tokens: Path) -> None:
    """The client gets UNAUTHENTICATED, because its token was revoked."""
    taken = asyncio.Event()

    async def items() -> AsyncIterator[tihua.Item]:
        number = 0
        while True:
            yield tihua.Item(str(number), text="马")
            number += 1
            if number == 64:
                write_tokens(tokens, f"adminer admin {TOKENS[Role.ADMIN]}")
                taken.set()
            await asyncio.sleep(0.001)

    async with tihua.AsyncClient(address, token=TOKENS[Role.WRITE], collection="c") as writer:
        await writer.create_collection()
        with pytest.raises(tihua.UnauthenticatedError, match="was revoked"):
            await asyncio.wait_for(writer.ingest(items(), batch_size=8), 30)
    assert taken.is_set()


async def test_a_client_has_as_many_streams_as_the_server_says(
    encoder: FakeEncoder, tokens: Path, tmp_path: Path
) -> None:
    """One more is told when to retry; streams of another token are counted separately."""
    limits = Limits(max_streams_per_client=1)
    config = Config(port=0, data_dir=tmp_path, token_file=tokens, drain_timeout_s=5, limits=limits)
    started, may_end = asyncio.Event(), asyncio.Event()

    async def held() -> AsyncIterator[tihua.Item]:
        yield tihua.Item("a", text="马")
        started.set()
        await may_end.wait()

    async with (
        serving(encoder, config) as app,
        tihua.AsyncClient(app.address, token=TOKENS[Role.WRITE], collection="c") as first,
        tihua.AsyncClient(app.address, token=TOKENS[Role.WRITE], collection="c") as second,
        tihua.AsyncClient(app.address, token=TOKENS[Role.ADMIN], collection="c") as other,
    ):
        assert (await first.server_info()).limits.max_streams_per_client == 1
        await first.create_collection()
        stream = asyncio.create_task(first.ingest(held(), batch_size=1))
        await started.wait()
        item = tihua.Item("b", text="桥")
        with pytest.raises(tihua.OverloadedError, match="writeer has 1 streams open") as refused:
            await second.ingest([item], reconnect_timeout=0)
        assert refused.value.reason == "TOO_MANY_STREAMS"
        assert refused.value.retry_after > 0
        assert (await other.ingest([item])).written == 1
        may_end.set()
        assert (await stream).written == 1
        assert (await second.ingest([item])).written == 1


def test_no_token_gets_into_the_log_or_an_error(
    tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This holds at log level debug, for every caller; callers are named."""
    admin = write_tokens(tmp_path / "admin.token", TOKENS[Role.ADMIN], "")
    stranger = write_tokens(tmp_path / "stranger.token", secrets.token_hex(32))
    said = []
    flags = ["--token-file", str(tokens), "--log-level", "debug"]
    with running(tmp_path / "data", *flags, module="fake_server") as server:
        for file, command in (
            (admin, ["status", "--json"]),
            (admin, ["collections", "create", "c"]),
            (admin, ["search", "马", "-c", "nowhere"]),
            (stranger, ["status"]),
        ):
            result = run_tihua(*command, "--token-file", file, address=server.address)
            said += [result.stdout, result.stderr]
        assert result.returncode == 1
        assert "this server does not know the token" in result.stderr
        nobody = run_tihua("status", address=server.address)
        assert "--token-file or TIHUA_TOKEN" in nobody.stderr
        monkeypatch.setenv("TIHUA_TOKEN", TOKENS[Role.READ])
        reader = run_tihua("collections", "delete", "c", "--yes", address=server.address)
        assert "the token of reader has the role read; DeleteCollection needs admin" in (
            reader.stderr
        )
        said += [nobody.stderr, reader.stderr]
        write_tokens(tokens, f"bad line {TOKENS[Role.READ]} here")
        with tihua.Client(server.address, token=TOKENS[Role.ADMIN]) as client:
            while not any("not reloaded" in str(entry) for entry in server.log):
                client.server_info()
    said += [str(entry) for entry in server.log]
    assert any("adminer" in line for line in said)
    for secret in (*TOKENS.values(), stranger.read_text()):
        assert not [line for line in said if secret in line]
