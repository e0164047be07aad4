"""Queries and their results."""

from collections.abc import Sequence
from dataclasses import dataclass

from tihua_server.grouping import GroupBy
from tihua_server.item import Hit
from tihua_server.search_params import SearchParams
from tihua_server.stages import Stages
from tihua_server.types import Content, ModelRef


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item of the searched collection that serves as an example."""

    id: str


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a query, and its weight; a negative weight pushes hits away from it."""

    value: Content | StoredItem
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """A search of one collection.

    Attributes:
        collection: its name, or an alias of it.
        terms: what to search for: their weighted sum.
        params: how to search.
        model: the model that the request names; empty means the collection's.
        group: how to group the hits; None for no grouping.
        pages_of: own name of the collection that earlier pages came from; empty for a first page.
    """

    collection: str
    terms: Sequence[Term]
    params: SearchParams
    model: str = ""
    group: GroupBy | None = None
    pages_of: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a query.

    Attributes:
        hits: best first.
        collection: own name of the collection that was searched.
        model: the model that embedded the query.
        stages: where the time went.
        truncated_terms: positions of the terms whose text was too long, so the model read its
            beginning.
    """

    hits: list[Hit]
    collection: str
    model: ModelRef
    stages: Stages
    truncated_terms: Sequence[int]
