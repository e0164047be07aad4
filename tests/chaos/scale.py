"""How much of everything: a full soak, or a quick one that fits into `make check`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How long and how often.

    Attributes:
        name: as on the command line.
        kills: of the server, and of the client.
        milvus_kills: of Milvus, and of one of two replicas.
        fills: of the disk.
        hangs: of Milvus.
        storm_s: how long cancellations, connections and silent readers go on, in seconds.
        warm_up_s: how long they do before, so that pools have grown when memory is looked at.
        entries_per_s: what is written meanwhile, at most.
        ids: items that there are; then newer versions of them are written.
        work: what is written before memory is looked at.
        writes_between: what is acknowledged before the next kill, at most.
    """

    name: str
    kills: int
    milvus_kills: int
    fills: int
    hangs: int
    storm_s: float
    warm_up_s: float
    entries_per_s: float
    ids: int
    work: int
    writes_between: int


FULL = Scale(
    name="full",
    kills=20,
    milvus_kills=10,
    fills=3,
    hangs=5,
    storm_s=60.0,
    warm_up_s=15.0,
    entries_per_s=600.0,
    ids=6_000,
    work=6_000,
    writes_between=2_000,
)
QUICK = Scale(
    name="quick",
    kills=2,
    milvus_kills=2,
    fills=1,
    hangs=2,
    storm_s=5.0,
    warm_up_s=5.0,
    entries_per_s=300.0,
    ids=900,
    work=1_500,
    writes_between=600,
)
SCALES = {scale.name: scale for scale in (FULL, QUICK)}
