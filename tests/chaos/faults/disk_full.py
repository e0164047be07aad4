"""A full disk under the embedded store: filled by writes, or at once, or at once with a kill."""

import itertools
import time
from collections.abc import Callable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from tihua.v1 import collection_service_pb2
from tihua.v1.collection_service_pb2_grpc import CollectionServiceStub
from tihua_server.milvus.directory import MIN_FREE_BYTES

from chaos.entries import Entry
from chaos.ground import COLLECTION, Ground, Subject, subject
from chaos.health_watch import HealthWatch
from chaos.load import load, memory_of_survivor
from chaos.outcome import Outcome
from chaos.patience import OPTIONS, PATIENCE_S, patiently
from chaos.server import Server
from chaos.small_disk import SmallDisk, small_disk

INGEST_SERVICE = "tihua.v1.IngestService"

MOST_LEFT_BYTES = 4 * 2**20
"""Space above `MIN_FREE_BYTES` that is left for the writers to fill up."""


def disk_full(ground: Ground) -> Outcome:
    """Fill the disk of the data directory in several ways, and free the space again."""
    recoveries_s: list[float] = []
    problems: list[str] = []
    words = ""
    with (
        small_disk(ground.folder / "disk") as disk,
        Server(disk.path / "data") as server,
        subject(server.address) as it,
        HealthWatch(server.address, COLLECTION, it.dim) as watch,
    ):
        with load(server.address, it, ground) as queries:
            ways = itertools.islice(itertools.cycle(WAYS.items()), ground.scale.fills)
            for cycle, (name, fill) in enumerate(ways, start=1):
                more = ground.choice.randrange(50, ground.scale.writes_between)
                it.ledger.wait_for(it.ledger.writes + more, PATIENCE_S)
                fill(disk, server)
                words = _await_refusal(server.address, it)
                if "disk" not in words:
                    problems.append(f"a full disk is told as: {words}")
                full_s = time.monotonic()
                watch.wait_until_it_works(full_s, PATIENCE_S)
                problems += _look(server.address, "NOT_SERVING")
                disk.make_room()
                recoveries_s.append(_await_writes(it, time.monotonic()))
                problems += _look(server.address, "SERVING")
                verdict = it.check(at_rest=False)
                ground.tell(f"disk full {cycle}, {name}: {verdict}; refused with: {words}")
                if not verdict.is_sound:
                    problems.append(f"after fill {cycle}, {name}: {verdict}")
        verdict = it.check(at_rest=True)
        memory = memory_of_survivor(server, it, ground)
    lie_s, lie = watch.longest_lie_s()
    return Outcome(
        what="a full disk under the embedded store",
        cycles=len(recoveries_s),
        verdict=verdict,
        memory=memory,
        recoveries_s=recoveries_s,
        lie_s=lie_s,
        lie=lie,
        notes=[f"writes were refused with “{words}”", queries.told()],
        problems=problems + queries.odd + server.bugs,
    )


def _by_writing(disk: SmallDisk, _: Server) -> None:
    disk.fill(leaving_bytes=MIN_FREE_BYTES + MOST_LEFT_BYTES)


def _at_once(disk: SmallDisk, _: Server) -> None:
    disk.fill(leaving_bytes=0)


def _at_once_and_killed(disk: SmallDisk, server: Server) -> None:
    disk.fill(leaving_bytes=0)
    server.kill()
    server.start()


WAYS: dict[str, Callable[[SmallDisk, Server], None]] = {
    "at once": _at_once,
    "by writing": _by_writing,
    "at once, and the server killed": _at_once_and_killed,
}


def _await_refusal(address: str, it: Subject) -> str:
    """Write until a write is refused for the full disk; return the message.

    Raises:
        AssertionError: no write was refused.
        grpc.RpcError: a write failed with an unexpected status.
    """
    probe = Entry("probe-1", it.ledger.newest + 1)
    request = collection_service_pb2.UpsertItemsRequest(
        collection=COLLECTION, items=[probe.message(it.dim)]
    )
    give_up_s = time.monotonic() + PATIENCE_S
    with grpc.insecure_channel(address, OPTIONS) as channel:
        stub = CollectionServiceStub(channel)
        while time.monotonic() < give_up_s:
            it.ledger.sent(probe)
            try:
                stub.UpsertItems(request, timeout=30)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                    return str(error.details())
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
            else:
                it.ledger.acknowledged([probe])
            time.sleep(0.1)
    raise AssertionError("a full disk refuses nothing")


def _await_writes(it: Subject, since_s: float) -> float:
    """Return how many seconds after `since_s` another 50 writes were acknowledged."""
    it.ledger.wait_for(it.ledger.writes + 50, PATIENCE_S)
    return time.monotonic() - since_s


def _look(address: str, expected: str) -> list[str]:
    """Wait until health is as expected; return a sentence if it does not get there."""
    give_up_s = time.monotonic() + PATIENCE_S
    request = health_pb2.HealthCheckRequest(service=INGEST_SERVICE)
    said = ""
    with grpc.insecure_channel(address, OPTIONS) as channel:
        stub: Any = HealthStub(channel)
        while said != expected and time.monotonic() < give_up_s:
            status = patiently(lambda: stub.Check(request, timeout=10)).status
            said = health_pb2.HealthCheckResponse.ServingStatus.Name(status)
            time.sleep(0.1)
    return [] if said == expected else [f"health said {said} of ingest, and not {expected}"]
