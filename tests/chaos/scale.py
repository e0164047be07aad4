"""The scale of a run: a full soak, a quick one of minutes, or what a test of the suite does."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How long faults last and how often they happen.

    Attributes:
        name: as on the command line.
        kills: of the server, and of the client.
        milvus_kills: of Milvus, and of one of two replicas.
        fills: of the disk.
        hangs: of Milvus.
        storm_s: duration of cancellations, churn and silent readers, in seconds.
        warm_up_s: duration of the same before, so that pools have grown when memory is measured.
        entries_per_s: maximum rate of all writers together.
        ids: number of items; after that, newer versions of them are written.
        measures_memory: whether a kill or a full disk is followed by measuring the memory, which
            takes longer than the fault; the other faults always measure it.
        work: number of entries written before memory is measured.
        writes_between: entries acknowledged before the next kill, at most.
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
    measures_memory: bool
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
    measures_memory=True,
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
    measures_memory=True,
    work=1_500,
    writes_between=600,
)
BRIEF = replace(QUICK, name="brief", measures_memory=False)
"""For tests: memory is measured on an otherwise idle machine, or not at all."""

SCALES = {scale.name: scale for scale in (FULL, QUICK)}
"""Those of the command line."""
