"""Clients that send and never read: their processes are stopped with streams and answers open."""

import os
import signal
import threading
import time

from processes import start_module

from chaos.ground import COLLECTION, Ground, subject
from chaos.health_watch import HealthWatch
from chaos.load import load
from chaos.outcome import Memory, Outcome
from chaos.patience import PATIENCE_S
from chaos.server import Server
from chaos.silent_client import CALLS, KINDS

PROCESSES = 4
"""Processes per kind of call."""

MAX_PEAK_BYTES = 512 * 2**20
"""How much memory all of them together may cost the server while they are silent."""


def silent_readers(ground: Ground) -> Outcome:
    """Let clients fall silent while others write and search, then kill them."""
    with (
        Server(ground.folder / "data") as server,
        subject(server.address) as it,
        HealthWatch(server.address, COLLECTION, it.dim) as watch,
    ):
        with load(server.address, it, ground):
            it.ledger.wait_for(ground.scale.work, PATIENCE_S)
            _fall_silent(server, ground.scale.warm_up_s)
        before = server.settled_bytes()
        with load(server.address, it, ground) as queries:
            writes = it.ledger.writes
            peak = _fall_silent(server, ground.scale.storm_s)
            writes = it.ledger.writes - writes
            recovery_s = watch.wait_until_it_works(time.monotonic(), 60)
        verdict = it.check(at_rest=True)
        memory = Memory.settled(before, server)
    lie_s, lie = watch.longest_lie_s()
    problems = [] if writes else ["nothing was written while clients were silent"]
    if peak - before > MAX_PEAK_BYTES:
        problems.append(f"memory rose by {peak - before >> 20} MiB while clients were silent")
    return Outcome(
        what="clients that never read",
        cycles=PROCESSES * len(KINDS) * CALLS,
        verdict=verdict,
        memory=memory,
        recoveries_s=[recovery_s],
        lie_s=lie_s,
        lie=lie,
        notes=[
            f"memory rose by {peak - before >> 20} MiB meanwhile",
            f"others wrote {writes} meanwhile",
            queries.told(),
        ],
        problems=problems + queries.odd + server.bugs,
    )


def _fall_silent(server: Server, seconds: float) -> int:
    """Run clients that do not read for a while; return the peak memory, in bytes."""
    clients = [
        start_module("chaos.silent_client", server.address, COLLECTION, kind)
        for kind in KINDS
        for _ in range(PROCESSES)
    ]
    try:
        for client in clients:
            assert client.stdout is not None
            assert client.stdout.readline() == "silent\n", "a silent client did not come that far"
            client.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, client.pid, os.WSTOPPED | os.WNOWAIT)
        peak = 0
        pause = threading.Event()
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            peak = max(peak, server.process.resident_bytes())
            pause.wait(0.2)
        return peak
    finally:
        for client in clients:
            client.kill()
            client.communicate()
