"""What is looked for, and what was found."""

from collections.abc import Sequence
from dataclasses import dataclass

from tihua_server.grouping import GroupBy
from tihua_server.item import Hit
from tihua_server.search_params import SearchParams
from tihua_server.stages import Stages
from tihua_server.types import Content, ModelRef


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item of the same collection, as an example of what is looked for."""

    id: str


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a query, and how much it counts; a negative weight pushes away."""

    value: Content | StoredItem
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, and where.

    Attributes:
        collection: its name, or an alias of it.
        terms: what is looked for.
        params: how.
        model: the model that the request names; empty means the collection's.
        group: what hits are grouped by; None if they are not.
        pages_of: the collection that the pages before came from; empty for a first page.
    """

    collection: str
    terms: Sequence[Term]
    params: SearchParams
    model: str = ""
    group: GroupBy | None = None
    pages_of: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        hits: best first.
        collection: where, by its own name.
        model: the model that embedded the query.
        stages: where the time went.
        truncated_terms: positions of the terms of whose text the model read only the beginning.
    """

    hits: list[Hit]
    collection: str
    model: ModelRef
    stages: Stages
    truncated_terms: Sequence[int]
