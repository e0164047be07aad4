"""A store that hangs: Milvus is stopped (SIGSTOP) and resumed (SIGCONT)."""

import time

from chaos.ground import COLLECTION, Ground, real_milvus, subject
from chaos.health_watch import HealthWatch
from chaos.load import load, work
from chaos.outcome import Memory, Outcome
from chaos.patience import PATIENCE_S
from chaos.server import Server

HANG_S = (15.0, 30.0)
"""How long Milvus hangs: beyond the deadline of a call to it, 10 s."""

PATIENT = {"COMMON_SESSION_TTL": "60"}
"""Milvus 2.3.5 exits if it hangs for longer than its session TTL; that would be a crash, which
`kill_milvus` tests."""

MAX_CALL_S = 45.0
"""How long a query with a deadline of 30 s may take on a busy machine."""


def hung_store(ground: Ground) -> Outcome:
    """Let Milvus hang at random moments; no call may outlast its deadline."""
    hangs = ground.scale.hangs
    recoveries_s: list[float] = []
    problems: list[str] = []
    with (
        real_milvus(ground.folder / "milvus", PATIENT) as milvus,
        Server(ground.folder / "data", "--milvus-uri", milvus.uri) as server,
        subject(server.address) as it,
        HealthWatch(server.address, COLLECTION, it.dim) as watch,
    ):

        def hang() -> None:
            more = ground.choice.randrange(50, ground.scale.writes_between)
            it.ledger.wait_for(it.ledger.writes + more, PATIENCE_S)
            milvus.freeze()
            time.sleep(ground.choice.uniform(*HANG_S))
            milvus.thaw()
            recoveries_s.append(watch.wait_until_it_works(time.monotonic(), PATIENCE_S))
            verdict = it.check(at_rest=False)
            ground.tell(
                f"hang {len(recoveries_s)} of {hangs}: back after {recoveries_s[-1]:.1f} s; "
                f"{verdict}; {server.process.resident_bytes() >> 20} MiB"
            )
            if not verdict.is_sound:
                problems.append(f"after hang {len(recoveries_s)}: {verdict}")

        # Warm up: a server that has met failures holds more memory than one that has not.
        work(server.address, it, ground)
        with load(server.address, it, ground) as first_queries:
            hang()
        it.check(at_rest=True)
        before = server.settled_bytes()
        with load(server.address, it, ground) as queries:
            while len(recoveries_s) < hangs:
                hang()
        verdict = it.check(at_rest=True)
        memory = Memory.settled(before, server)
    lie_s, lie = watch.longest_lie_s()
    slowest_s = max(first_queries.slowest_s, queries.slowest_s)
    if slowest_s > MAX_CALL_S:
        problems.append(f"a query took {slowest_s:.0f} s")
    if not any(look.health == "NOT_SERVING" for look in watch.looks):
        problems.append("health never said NOT_SERVING")
    return Outcome(
        what="a Milvus that hangs (SIGSTOP, SIGCONT)",
        cycles=hangs,
        verdict=verdict,
        memory=memory,
        recoveries_s=recoveries_s,
        lie_s=lie_s,
        lie=lie,
        notes=[f"the slowest query took {slowest_s:.0f} s", queries.told()],
        problems=problems + first_queries.odd + queries.odd + server.bugs,
    )
