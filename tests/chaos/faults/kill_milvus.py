"""Kill -9 of a real Milvus in the middle of writing and searching."""

import time

from chaos.ground import COLLECTION, Ground, real_milvus, subject
from chaos.health_watch import HealthWatch
from chaos.load import load, work
from chaos.outcome import Memory, Outcome
from chaos.patience import PATIENCE_S
from chaos.server import Server

MAX_DOWN_S = 10.0
"""How long Milvus stays down at most before it is restarted."""


def kill_milvus(ground: Ground) -> Outcome:
    """Kill Milvus at random moments; the server survives every kill."""
    kills = ground.scale.milvus_kills
    recoveries_s: list[float] = []
    problems: list[str] = []
    with (
        real_milvus(ground.folder / "milvus") as milvus,
        Server(ground.folder / "data", "--milvus-uri", milvus.uri) as server,
        subject(server.address) as it,
        HealthWatch(server.address, COLLECTION, it.dim) as watch,
    ):

        def kill() -> None:
            more = ground.choice.randrange(50, ground.scale.writes_between)
            it.ledger.wait_for(it.ledger.writes + more, PATIENCE_S)
            milvus.kill()
            killed_s = time.monotonic()
            time.sleep(ground.choice.uniform(0, MAX_DOWN_S))
            milvus.start()
            recoveries_s.append(watch.wait_until_it_works(killed_s, PATIENCE_S))
            verdict = it.check(at_rest=False)
            ground.tell(
                f"kill {len(recoveries_s)} of {kills}: back after {recoveries_s[-1]:.1f} s; "
                f"{verdict}; {server.process.resident_bytes() >> 20} MiB"
            )
            if not verdict.is_sound:
                problems.append(f"after kill {len(recoveries_s)}: {verdict}")

        # Warm up: a server that has met failures holds more memory than one that has not.
        work(server.address, it, ground)
        with load(server.address, it, ground) as first_queries:
            kill()
        it.check(at_rest=True)
        before = server.settled_bytes() if ground.scale.measures_memory else None
        with load(server.address, it, ground) as queries:
            while len(recoveries_s) < kills:
                kill()
        verdict = it.check(at_rest=True)
        memory = None if before is None else Memory.settled(before, server)
    lie_s, lie = watch.longest_lie_s()
    return Outcome(
        what="kill -9 of Milvus, mid-ingest and mid-search",
        cycles=kills,
        verdict=verdict,
        memory=memory,
        recoveries_s=recoveries_s,
        lie_s=lie_s,
        lie=lie,
        notes=[queries.told()],
        problems=problems + first_queries.odd + queries.odd + server.bugs,
    )
