"""pymilvus' client of a Milvus server, or of a Milvus Lite that is started in this process.

It has its own channel, because pymilvus may hand out a shared one that a restart of Milvus has
broken.
"""

import asyncio
import contextlib
import importlib
import logging
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import grpc
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from tihua_server.errors import ConfigError, ServiceError
from tihua_server.milvus.errors import translate, unavailable
from tihua_server.milvus.lite_server import LiteServer

_SCHEMES = ("http://", "https://", "tcp://", "unix:")

# Within this process: bypass any proxy of the environment, and send no pings: a gRPC server in
# Python allows one in five minutes, and pymilvus sends six a minute.
_LITE_OPTIONS = {"grpc.enable_http_proxy": 0, "grpc.keepalive_time_ms": 2**31 - 1}


class Connected(NamedTuple):
    """A connected client.

    Attributes:
        client: pymilvus' client; its methods block.
        version: of Milvus, as it reports it: `v2.6.2`, `milvus_lite-3.2.2`.
        lite_server: Milvus Lite in this process, else None.
    """

    client: Any
    version: str
    lite_server: LiteServer | None


async def connect(target: str | Path, *, token: str, timeout_s: float) -> Connected:
    """Return a client once Milvus has answered it.

    Args:
        target: address of a server, or folder of an embedded store.
        token: `user:password` or an API key; empty for none.
        timeout_s: how long to wait for the answer, in seconds.

    Raises:
        ConfigError: the address has no scheme that pymilvus knows.
        ServiceError: the store can't be opened, or does not answer in time.
    """
    # pymilvus logs each error that it raises, with the filter and its values.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    if isinstance(target, str) and not str(target).startswith(_SCHEMES):
        raise ConfigError(f"the address of Milvus must start with one of {', '.join(_SCHEMES)}")
    is_here = isinstance(target, Path)
    lite_server = await asyncio.to_thread(LiteServer, Path(target)) if is_here else None
    uri = lite_server.uri if lite_server else str(target)
    options = _LITE_OPTIONS if lite_server else {}
    try:
        async with asyncio.timeout(timeout_s):
            client, version = await asyncio.to_thread(_connect, uri, token, options, timeout_s)
    except BaseException as error:
        if lite_server:
            await asyncio.to_thread(lite_server.stop)
        if isinstance(error, TimeoutError):
            failure: ServiceError = unavailable(timeout_s)
        elif isinstance(error, MilvusException | grpc.RpcError):
            failure = translate(error, "")
        else:
            raise
        failure.message = f"{_shown(target)}: {failure.message}"
        raise failure from error
    return Connected(client, version, lite_server)


def _connect(uri: str, token: str, options: dict[str, int], timeout_s: float) -> tuple[Any, str]:
    # At its first vector pymilvus executes this module without the import lock, so that threads
    # that do so at the same time see half of it; importing it beforehand avoids that.
    with contextlib.suppress(ImportError):
        importlib.import_module("scipy.sparse")
    client = MilvusClient(uri, token=token, timeout=timeout_s, dedicated=True, grpc_options=options)
    return client, str(client.get_server_version(timeout=timeout_s))


def _shown(target: str | Path) -> str:
    """Return the target for a message, without the password that an address may have."""
    if isinstance(target, Path):
        return f"the embedded store in {target}"
    return f"--milvus-uri {urlsplit(target).netloc.rpartition('@')[2] or target}"
