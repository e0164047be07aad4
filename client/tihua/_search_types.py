"""Queries and hits: the values of a search. All are frozen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias, overload

from tihua._types import Embedding, EmbeddingLike, Field, ImageLike, ModelRef, Timing

__all__ = ["Consistency", "Hit", "Query", "SearchResult", "Term"]

Consistency: TypeAlias = Literal["bounded", "strong"]
"""What a search sees: "bounded" may miss the writes of the last moments, "strong" misses none."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that was found.

    Attributes:
        id: the item's id.
        score: cosine similarity to the query, in [-1, 1]; higher is closer.
        uri: the item's uri; empty if it has none or it was not asked for.
        metadata: the item's metadata; empty if it has none or it was not asked for.
        embedding: the item's embedding if it was asked for, else None.
        group: the item's value of the `group_by` key; None without `group_by`, or for an item in no
            group.
        update_time: when the item's content was written, in UTC; None if it was not asked for or is
            unknown.
    """

    id: str
    score: float
    uri: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
    embedding: Embedding | None = None
    group: object = None
    update_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class SearchResult(Sequence[Hit]):
    """The hits of one query, as a sequence.

    Attributes:
        hits: best first, ties in no particular order.
        next_page_token: pass it to the same search for the next hits; empty if there are no more.
        model: the model that embedded the query.
        timing: where the time went.
        truncated_terms: the positions of the terms whose text was cut to its beginning.
    """

    hits: tuple[Hit, ...]
    next_page_token: str
    model: ModelRef
    timing: Timing
    truncated_terms: tuple[int, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, index: int | slice) -> Hit | tuple[Hit, ...]:
        """Return a hit, or a tuple of hits."""
        return self.hits[index]

    def __len__(self) -> int:
        """Return the number of hits."""
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        """Iterate over the hits."""
        return iter(self.hits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One part of a composed query: exactly one of text, image, embedding and item_id.

    Attributes:
        text: a text.
        image: a picture.
        embedding: an embedding made by the collection's model; scaled to L2 norm 1.
        item_id: an item of the same collection; it is left out of the hits.
        weight: in [-100, 100] and not 0; a negative one moves the query away from the term.
    """

    text: str | None = None
    image: ImageLike | None = None
    embedding: EmbeddingLike | None = None
    item_id: str | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The arguments of one search; `Client.search` explains each."""

    text: str | None = None
    image: ImageLike | None = None
    embedding: EmbeddingLike | None = None
    item_id: str | None = None
    terms: Sequence[Term] | None = None
    limit: int = 10
    filter: str = ""
    params: Mapping[str, object] | None = None
    min_score: float | None = None
    fields: Sequence[Field] | None = None
    index_params: Mapping[str, int] | None = None
    consistency: Consistency = "bounded"
    page_token: str = ""
    group_by: str = ""
    group_size: int | None = None
    collection: str | None = None
