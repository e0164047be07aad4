"""The drafts of a batch on their way into the store: checked, then new, duplicates, or done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tihua_server.config import Limits
from tihua_server.errors import AlreadyExists, ServiceError
from tihua_server.ingest.draft import Draft
from tihua_server.turns import Turns
from tihua_server.types import Content


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that was not written: its position in the batch, its id and the reason."""

    index: int
    id: str
    error: ServiceError


@dataclass(frozen=True, slots=True)
class Candidate:
    """A draft that can be embedded: its position in the batch, and its content."""

    index: int
    draft: Draft
    content: Content

    def failed(self, error: ServiceError) -> Failure:
        """Return this as a failure, which does not hold the frames that the error came through."""
        return Failure(self.index, self.draft.id, error.without_traceback())

    def exists_in(self, collection: str) -> Failure:
        """Return the failure of one whose id is taken."""
        return self.failed(
            AlreadyExists(
                f"collection {collection} has an item {self.draft.id!r}; use upsert to replace it",
                reason="ITEM_EXISTS",
            )
        )


async def checked(drafts: Sequence[Draft], limits: Limits) -> tuple[list[Candidate], list[Failure]]:
    """Return the drafts that can be embedded, and a failure for each of the others."""
    candidates: list[Candidate] = []
    failures: list[Failure] = []
    turns = Turns()
    for index, draft in enumerate(drafts):
        try:
            candidates.append(Candidate(index, draft, draft.checked(limits)))
        except ServiceError as error:
            failures.append(Failure(index, draft.id, error.without_traceback()))
        await turns.pause()
    return candidates, failures


def split_by_origin(
    candidates: Sequence[Candidate], stored_origins: Mapping[str, str]
) -> tuple[list[Candidate], list[Candidate], int]:
    """Return those with new ids, those with ids that are taken, and how many are written already.

    Args:
        candidates: of one batch.
        stored_origins: the origin of each item that is stored or about to be, by its id; empty
            where it is unknown. One of the same id and origin as a draft was written by an earlier
            attempt at this batch.
    """
    new: list[Candidate] = []
    duplicates: list[Candidate] = []
    already_written = 0
    for candidate in candidates:
        draft = candidate.draft
        if draft.id not in stored_origins:
            new.append(candidate)
        elif draft.origin and stored_origins[draft.id] == draft.origin:
            already_written += 1
        else:
            duplicates.append(candidate)
    return new, duplicates, already_written


def first_of_each_id(
    candidates: Sequence[Candidate],
) -> tuple[list[Candidate], list[Candidate]]:
    """Return the first candidate of each id, and the others."""
    ids: set[str] = set()
    first: list[Candidate] = []
    others: list[Candidate] = []
    for candidate in candidates:
        (others if candidate.draft.id in ids else first).append(candidate)
        ids.add(candidate.draft.id)
    return first, others
