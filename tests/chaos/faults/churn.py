"""Connections that come and go: each for one call, for none, or for bytes that aren't HTTP/2."""

import contextlib
import itertools
import random
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from tihua.v1 import system_service_pb2
from tihua.v1.system_service_pb2_grpc import SystemServiceStub

from chaos.ground import COLLECTION, Ground, subject
from chaos.health_watch import HealthWatch
from chaos.load import load
from chaos.outcome import Memory, Outcome
from chaos.patience import PATIENCE_S
from chaos.server import Server

THREADS = 4
MAX_HELD = 100
"""Idle connections kept open at one time."""

MAX_MORE_FILES = 20
"""How many more open files the server may have afterwards: its own threads open some."""

GREETINGS = {
    "nothing": b"",
    "half a preface": b"PRI * HTTP/2.0\r\n\r\nSM",
    "HTTP/1.1": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "noise": bytes(range(256)),
}


def churn(ground: Ground) -> Outcome:
    """Open and close connections as fast as possible, while others write and search."""
    seconds = ground.scale.storm_s
    with (
        Server(ground.folder / "data") as server,
        subject(server.address) as it,
        HealthWatch(server.address, COLLECTION, it.dim) as watch,
    ):
        with load(server.address, it, ground) as queries:
            it.ledger.wait_for(it.ledger.writes + ground.scale.work, PATIENCE_S)
            _storm(server.address, ground.choice, ground.scale.warm_up_s)
        before, files_before = server.settled_bytes(), _open_files(server)
        with load(server.address, it, ground) as queries:
            opened = _storm(server.address, ground.choice, seconds)
            recovery_s = watch.wait_until_it_works(time.monotonic(), 60)
        verdict = it.check(at_rest=True)
        memory = Memory.settled(before, server)
        more_files = _open_files(server) - files_before
    lie_s, lie = watch.longest_lie_s()
    problems = [f"{more_files} more open files"] if more_files > MAX_MORE_FILES else []
    return Outcome(
        what="connections that come and go",
        cycles=opened.total(),
        verdict=verdict,
        memory=memory,
        recoveries_s=[recovery_s],
        lie_s=lie_s,
        lie=lie,
        notes=[
            ", ".join(f"{count} with {what}" for what, count in sorted(opened.items())),
            f"{more_files} more open files than before",
            queries.told(),
        ],
        problems=problems + queries.odd + server.bugs,
    )


def _storm(address: str, choice: random.Random, seconds: float) -> Counter[str]:
    """Open connections; return the number of each kind."""
    end_s = time.monotonic() + seconds
    visitors = [random.Random(choice.random()) for _ in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        opened = pool.map(lambda visitor: _visit(address, visitor, end_s), visitors)
        return sum(opened, Counter())


def _visit(address: str, choice: random.Random, end_s: float) -> Counter[str]:
    opened: Counter[str] = Counter()
    host, _, port = address.rpartition(":")
    held: list[socket.socket] = []
    with contextlib.ExitStack() as stack:
        for number in itertools.count():
            if time.monotonic() > end_s:
                break
            if number % 2:
                _call(address)
                opened["one call"] += 1
                continue
            what = choice.choice(list(GREETINGS))
            visitor = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
            # The server may already have closed the connection.
            with contextlib.suppress(OSError):
                visitor.sendall(GREETINGS[what])
            opened[what] += 1
            held.append(visitor)
            if len(held) > MAX_HELD // THREADS:
                held.pop(0).close()
    return opened


def _call(address: str) -> None:
    # Without this, gRPC shares one connection among equal channels of a process.
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(address, options) as channel:
        request = system_service_pb2.GetServerInfoRequest()
        SystemServiceStub(channel).GetServerInfo(request, timeout=60, wait_for_ready=True)


def _open_files(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.process.pid}/fd").iterdir()))
