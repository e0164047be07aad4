"""The rows of the benchmark, in the order in which they are measured."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from bench.figure import Figure
from bench.rows.accuracy import accuracy
from bench.rows.chip import chip
from bench.rows.image_ratio import image_ratio
from bench.rows.ingest_efficiency import ingest_efficiency
from bench.rows.isolation import isolation
from bench.rows.large_calls import large_calls
from bench.rows.memory import memory
from bench.rows.mixed import mixed
from bench.rows.mixed_texts import mixed_texts
from bench.rows.peers import peers
from bench.rows.rpc_efficiency import rpc_efficiency
from bench.rows.scaling import scaling
from bench.rows.search_overhead import search_overhead
from bench.rows.startup import startup
from bench.rows.text_ratio import text_ratio
from bench.stage import Stage

Measure: TypeAlias = Callable[[Stage], Awaitable[Sequence[Figure]]]
"""A row: starts what it needs, measures it, and leaves nothing running."""

_MEASURES: tuple[Measure, ...] = (
    image_ratio,
    chip,
    text_ratio,
    mixed,
    mixed_texts,
    large_calls,
    ingest_efficiency,
    rpc_efficiency,
    search_overhead,
    peers,
    isolation,
    startup,
    accuracy,
    scaling,
    memory,
)

ROWS: Mapping[str, Measure] = {measure.__name__: measure for measure in _MEASURES}
"""Every row by the name that `--only` takes."""
