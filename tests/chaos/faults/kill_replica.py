"""Kill -9 of one of two replicas on one Milvus, under query load: no query fails."""

import time

import tihua

from chaos.ground import COLLECTION, Ground, real_milvus, subject
from chaos.health_watch import HealthWatch
from chaos.load import load, memory_beside_peace
from chaos.outcome import Outcome
from chaos.patience import PATIENCE_S
from chaos.server import Server


def kill_replica(ground: Ground) -> Outcome:
    """Kill and restart one replica after the other, while a client balances over both."""
    kills = ground.scale.milvus_kills
    recoveries_s: list[float] = []
    problems: list[str] = []
    with real_milvus(ground.folder / "milvus") as milvus:
        flags = ("--milvus-uri", milvus.uri)
        with (
            Server(ground.folder / "first", *flags) as first,
            Server(ground.folder / "second", *flags) as second,
            subject(f"ipv4:{first.address},{second.address}") as it,
            HealthWatch(second.address, COLLECTION, it.dim) as watch,
        ):
            both = f"ipv4:{first.address},{second.address}"
            born = 0
            with (
                load(both, it, ground) as queries,
                tihua.Client(both, collection=COLLECTION) as asker,
            ):
                for cycle in range(1, kills + 1):
                    more = ground.choice.randrange(50, ground.scale.writes_between)
                    it.ledger.wait_for(it.ledger.writes + more, PATIENCE_S)
                    replica = (first, second)[cycle % 2]
                    killed_s = replica.kill()
                    asker.search(text="夕阳西下")
                    recoveries_s.append(time.monotonic() - killed_s)
                    replica.start()
                    if replica is second:
                        born = it.ledger.writes
                    verdict = it.check(at_rest=False)
                    ground.tell(f"kill {cycle} of {kills}: {queries.told()}; {verdict}")
                    if not verdict.is_sound:
                        problems.append(f"after kill {cycle}: {verdict}")
            verdict = it.check(at_rest=True)
            # Its control also handles the whole load, as it did while the other was down.
            memory = memory_beside_peace(second, it, ground, writes=it.ledger.writes - born)
    lie_s, lie = watch.longest_lie_s()
    if failed := queries.failed.total():
        problems.append(f"{failed} queries failed: {queries.told()}")
    return Outcome(
        what="kill -9 of one of two replicas, under query load",
        cycles=kills,
        verdict=verdict,
        memory=memory,
        recoveries_s=recoveries_s,
        lie_s=lie_s,
        lie=lie,
        notes=[queries.told(), f"the slowest query took {queries.slowest_s:.1f} s"],
        problems=problems + queries.odd + first.bugs + second.bugs,
    )
