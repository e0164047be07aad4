"""Kill -9 of the server in the middle of writing; every fifth time, again while it starts."""

from chaos.ground import COLLECTION, Ground, subject
from chaos.health_watch import HealthWatch
from chaos.load import load, memory_of_survivor
from chaos.outcome import Outcome
from chaos.patience import PATIENCE_S
from chaos.server import Server

TWICE_EVERY = 5


def kill_server(ground: Ground) -> Outcome:
    """Kill the server that holds the embedded store at random moments of an ingest."""
    kills = ground.scale.kills
    recoveries_s: list[float] = []
    problems: list[str] = []
    with (
        Server(ground.folder / "data") as server,
        subject(server.address) as it,
        HealthWatch(server.address, COLLECTION, it.dim) as watch,
    ):
        with load(server.address, it, ground) as queries:
            for cycle in range(1, kills + 1):
                more = ground.choice.randrange(50, ground.scale.writes_between)
                it.ledger.wait_for(it.ledger.writes + more, PATIENCE_S)
                killed_s = server.kill()
                if cycle % TWICE_EVERY == 0:
                    server.start_and_kill(ground.choice.uniform(1.0, 5.0))
                server.start()
                recovery_s = watch.wait_until_it_works(killed_s, PATIENCE_S)
                recoveries_s.append(recovery_s)
                verdict = it.check(at_rest=False)
                ground.tell(
                    f"kill {cycle} of {kills}: {verdict.writes} writes, "
                    f"back after {recovery_s:.1f} s; {verdict}"
                )
                if not verdict.is_sound:
                    problems.append(f"after kill {cycle}: {verdict}")
        verdict = it.check(at_rest=True)
        memory = memory_of_survivor(server, it, ground)
    lie_s, lie = watch.longest_lie_s()
    return Outcome(
        what="kill -9 of the server, mid-ingest (embedded store)",
        cycles=kills,
        verdict=verdict,
        memory=memory,
        recoveries_s=recoveries_s,
        lie_s=lie_s,
        lie=lie,
        notes=[queries.told()],
        problems=problems + queries.odd + server.bugs,
    )
