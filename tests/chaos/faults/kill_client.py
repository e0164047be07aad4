"""Kill -9 of a client in the middle of its session; another process resumes the session."""

import threading
import uuid
from collections.abc import Iterable
from typing import Self

from processes import start_module

from chaos.client_process import ENTRIES
from chaos.entries import Entry
from chaos.ground import COLLECTION, Ground, Subject, subject
from chaos.health_watch import HealthWatch
from chaos.ledger import Ledger
from chaos.outcome import Memory, Outcome
from chaos.patience import PATIENCE_S
from chaos.server import Server


def kill_client(ground: Ground) -> Outcome:
    """Kill clients at random moments; every acknowledgement that they read must hold."""
    kills = ground.scale.kills
    problems: list[str] = []
    with (
        Server(ground.folder / "data") as server,
        subject(server.address) as it,
        HealthWatch(server.address, COLLECTION, it.dim) as watch,
    ):

        def kill(cycle: int) -> None:
            session_id = str(uuid.uuid4())
            writes = it.ledger.writes
            with Client(server.address, it, session_id, generation=cycle) as client:
                it.ledger.wait_for(writes + ground.choice.randrange(1, ENTRIES // 2), PATIENCE_S)
                client.kill()
            with Client(server.address, it, session_id, generation=cycle) as client:
                client.finish()
            verdict = it.check(at_rest=False)
            ground.tell(
                f"kill {cycle} of {kills}: {verdict}; {server.process.resident_bytes() >> 20} MiB"
            )
            if not verdict.is_sound:
                problems.append(f"after kill {cycle}: {verdict}")

        # Warm up: a server that has met failures holds more memory than one that has not.
        kill(1)
        it.check(at_rest=True)
        before = server.settled_bytes() if ground.scale.measures_memory else None
        for cycle in range(2, kills + 1):
            kill(cycle)
        verdict = it.check(at_rest=True)
        memory = None if before is None else Memory.settled(before, server)
    lie_s, lie = watch.longest_lie_s()
    return Outcome(
        what="kill -9 of the client, mid-ingest; another resumes its session",
        cycles=kills,
        verdict=verdict,
        memory=memory,
        lie_s=lie_s,
        lie=lie,
        problems=problems + server.bugs,
    )


class Client:
    """A process that ingests; what it prints as sent and acknowledged goes into the ledger."""

    def __init__(self, address: str, it: Subject, session_id: str, *, generation: int) -> None:
        """Start the process; the same generation and session always write the same entries."""
        arguments = (address, COLLECTION, str(it.dim), session_id, str(generation))
        self._process = start_module("chaos.client_process", *arguments)
        self._reader = threading.Thread(target=self._read, args=[it.ledger], name="client's books")

    def __enter__(self) -> Self:
        """Start reading its output."""
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the process if it is still running."""
        self.kill()

    def kill(self) -> None:
        """Kill the process; what it has printed so far counts."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def finish(self) -> None:
        """Wait until everything is written.

        Raises:
            AssertionError: the process failed, or took too long.
        """
        self._reader.join(PATIENCE_S)
        assert self._process.wait(PATIENCE_S) == 0, "a client ended with an error"

    def _read(self, ledger: Ledger) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            what, _, rest = line.partition(" ")
            if not line.endswith("\n"):
                return  # it was killed in the middle of the line
            entries: Iterable[Entry] = map(Entry.parsed, rest.split())
            if what == "sent":
                for entry in entries:
                    ledger.sent(entry)
            else:
                ledger.acknowledged(entries)
