"""The steps of a reindex: prepare, copy, swap, settle, finish; each may be done again."""

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tihua._reconnect import Persistence
from tihua._reindex_changes import Copied, Seen
from tihua._reindex_late import Late
from tihua._reindex_pass import Pass
from tihua._reindex_plan import Plan
from tihua._reindex_types import Content, ReindexProgress, ReindexStage
from tihua._reindex_watch import AliasWatch
from tihua._server_types import AliasMove, Collection, ServerInfo
from tihua._types import UNKNOWN_TIME
from tihua.errors import (
    AlreadyExistsError,
    DeadlineError,
    NotFoundError,
    OverloadedError,
    ServerError,
    UnavailableError,
)

if TYPE_CHECKING:
    from tihua._client import Client


_RETRY_S = 1.0
"""Before items that could not be compared or fetched are tried again: a replica may be behind."""


class Steps:
    """The steps of a reindex, each of which may be done again."""

    def __init__(
        self,
        client: "Client",
        todo: Plan,
        content: Content,
        info: ServerInfo,
        *,
        model: str,
        on_progress: Callable[[ReindexProgress], None],
        persistence: Persistence,
    ) -> None:
        self.written = self.deleted = 0
        self.failing: set[str] = set()
        self._client = client
        self._plan = todo
        self._content = content
        self._limits = info.limits
        self._model = model
        self._copied: Copied | None = None
        self._on_progress = on_progress
        self._persistence = persistence
        self._told: set[str] = set()
        self._settled = time.monotonic()

    def prepare(self) -> Collection:
        """Have an alias, the marker and the new collection; return that."""
        return self._persistence.answer(self._prepare)

    def _prepare(self) -> Collection:
        todo, client = self._plan, self._client
        # A call before may have renamed it, and its answer was lost.
        if not todo.is_alias and client.get_collection(todo.alias).name != todo.source:
            client.rename_collection(todo.alias, todo.source, keep_alias=True)
        move = client.set_alias(todo.marker, todo.source)
        if not todo.is_alias or todo.is_begun:
            # For so long a server may believe that the alias is the old collection's own name, and
            # would search the new one by it with the old model.
            self._settled = time.monotonic() + move.settle_s
        with contextlib.suppress(NotFoundError):
            target = client.get_collection(todo.target)
            if target.load_state == "released":
                client.load_collection(todo.target)
            return target
        source = client.get_collection(todo.source)
        with contextlib.suppress(AlreadyExistsError):  # another call of this kind was quicker
            return client.create_collection(
                todo.target,
                index=source.index,
                index_params=source.index_params,
                shards=source.shards,
                description=source.description,
                model=self._model,
            )
        return client.get_collection(todo.target)

    def copy(self) -> None:
        """Make the new collection like the old one, and again while that changes.

        Raises:
            ServerError: nothing is left that could be copied, and the counts differ.
        """
        source, target = self._plan.source, self._plan.target
        stage: ReindexStage = "copy"
        last_found, latest, since = 0, UNKNOWN_TIME, None
        missed_before: set[str] = set()
        while True:
            count = self._count(source)
            done = self._pass(stage, Seen(since), None)
            self.failing = done.failing
            found = done.written + done.deleted
            latest = max(latest, done.seen.latest)
            copied, wanted = self._count(target), self._count(source) - len(self.failing)
            missed = done.seen.missed
            # What could not be fetched is tried once more, even if nothing else is left.
            is_done = found == 0 and missed <= missed_before
            missed_before = set() if found else missed
            if is_done and copied != wanted and count == self._count(source):
                why = (
                    f"but {len(missed)} of them can't be fetched"
                    if missed
                    else "though their lists agree"
                )
                raise ServerError(
                    f"{target} has {copied} items and {source} has {wanted} that could be "
                    f"copied, {why}; nothing was swapped: check the store",
                    reason="COUNTS_DIFFER",
                )
            # Whoever writes is about as quick as we are: the rest is for after the swap.
            is_alike = is_done and copied == wanted
            if since is not None and (is_alike or found > last_found / 2):
                self._copied = Copied(since, done.seen.times, done.seen.older(), missed)
                return
            # The last pass is one that knows what is young, and that the swap may follow at once.
            time.sleep(max(0.0, self._settled - time.monotonic()))
            stage, last_found = "catch-up", found
            since = min(latest, datetime.now(UTC))

    def swap(self) -> None:
        """Lead the alias to the new collection.

        Raises:
            FailedPreconditionError: somebody else has moved it meanwhile.
        """
        self._persistence.answer(AliasWatch(self._client, self._plan).check)
        self._lead()

    def settle(self, otherwise: Copied) -> None:
        """Fetch what is yet written to the old collection, until nobody does that any more.

        Args:
            otherwise: what was copied, if it was not this call that copied it.

        Raises:
            ServerError: nothing is left but items that can't be fetched as they are listed.
        """
        copied = otherwise if self._copied is None else self._copied
        late = Late(self._client, self._plan, copied, self._limits, model=self._model)
        move = self._lead()
        settled = time.monotonic() + move.settle_s
        missing = self.failing
        waiting_before: set[str] = set()
        while True:
            is_settled = time.monotonic() >= settled
            late.waiting.clear()
            done = self._pass("settle", Seen(copied=copied), late)
            self.failing = (missing - late.written) | done.failing
            undone = late.waiting | done.failing
            late.copied = copied = copied.and_of(done.seen, undone)
            if is_settled and not done.written + done.deleted:
                if not late.waiting:
                    return
                if late.waiting == waiting_before:
                    raise self._unreadable(late.waiting)
            waiting_before = set(late.waiting)
            pause_s = _RETRY_S if late.waiting else 0.0
            time.sleep(max(pause_s, settled - time.monotonic()))

    def _unreadable(self, ids: set[str]) -> ServerError:
        plan = self._plan
        return ServerError(
            f"{len(ids)} of the items in {plan.source} or {plan.target} can't be fetched as they "
            f"are listed, such as {min(ids)!r}; {plan.alias} leads to {plan.target} already: check "
            "the store, then run it again",
            reason="ITEMS_UNREADABLE",
        )

    def finish(self) -> None:
        """Delete the marker: all is done."""
        with contextlib.suppress(NotFoundError):
            self._persistence.answer(lambda: self._client.delete_alias(self._plan.marker))

    def count(self) -> int:
        """Return how many items the new collection has."""
        return self._count(self._plan.target)

    def _lead(self) -> AliasMove:
        plan = self._plan
        return self._persistence.answer(lambda: self._client.set_alias(plan.alias, plan.target))

    def _count(self, collection: str) -> int:
        return self._persistence.answer(lambda: self._client.count_items(collection=collection))

    def _pass(self, stage: ReindexStage, seen: Seen, late: Late | None) -> Pass:
        """Return a pass that was done, again if the server went away."""
        reconnect = self._persistence.reconnect()
        while True:
            each = Pass(
                self._client,
                self._plan,
                self._content,
                self._limits,
                stage=stage,
                seen=seen,
                late=late,
                told=self._told,
                on_progress=self._on_progress,
            )
            try:
                each.run(self._persistence)
            except (UnavailableError, OverloadedError, DeadlineError) as error:
                self.written += each.written
                self.deleted += each.deleted
                time.sleep(reconnect.delay_after(error, self.written))
            else:
                self.written += each.written
                self.deleted += each.deleted
                return each
