"""The steps of a reindex: prepare, copy, swap, settle, finish; each may be repeated."""

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tihua._between_collections import created_like, ensure_loaded
from tihua._reconnect import ReconnectPolicy
from tihua._reindex.changes import Copied, Seen
from tihua._reindex.early import EarlyWriter
from tihua._reindex.late import LateWriter
from tihua._reindex.one_pass import Pass
from tihua._reindex.plan import Plan
from tihua._reindex.types import Content, ReindexProgress, ReindexStage
from tihua._reindex.watch import AliasWatch
from tihua._reindex.writer import Writer
from tihua._server_types import AliasMove, Collection, ServerInfo
from tihua._types import UNKNOWN_TIME
from tihua.errors import NotFoundError, ServerError

if TYPE_CHECKING:
    from tihua._client import Client

_RETRY_S = 1.0
"""Delay before items that could not be compared or fetched are retried: a replica may lag."""


class Steps:
    """The steps of a reindex, each of which may be repeated."""

    def __init__(
        self,
        client: "Client",
        todo: Plan,
        content: Content,
        info: ServerInfo,
        *,
        model: str,
        on_progress: Callable[[ReindexProgress], None],
        policy: ReconnectPolicy,
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
        self._policy = policy
        self._reported_ids: set[str] = set()
        self._settled = time.monotonic()

    def prepare(self) -> Collection:
        """Ensure that the alias, the marker and the new collection exist; return the collection."""
        return self._policy.answer(self._prepare)

    def _prepare(self) -> Collection:
        todo, client = self._plan, self._client
        # An earlier call may have renamed it and lost the answer.
        if not todo.is_alias and client.get_collection(todo.alias).name != todo.source:
            client.rename_collection(todo.alias, todo.source, keep_alias=True)
        move = client.set_alias(todo.marker, todo.source)
        if not todo.is_alias or todo.is_begun:
            # Until then a server may believe that the alias is the old collection's own name, and
            # would search the new one under that name with the old model.
            self._settled = time.monotonic() + move.settle_s
        source = client.get_collection(todo.source)
        target = created_like(client, todo.target, source, model=self._model)
        ensure_loaded(client, target)
        return target

    def copy(self) -> None:
        """Make the new collection like the old one; repeat until the old one stops changing.

        Raises:
            ServerError: nothing is left to copy, but the counts differ.
        """
        source, target = self._plan.source, self._plan.target
        early = EarlyWriter(self._client, self._plan, self._policy)
        stage: ReindexStage = "copy"
        last_found, latest, since = 0, UNKNOWN_TIME, None
        missed_before: set[str] = set()
        while True:
            count = self._count(source)
            done = self._pass(stage, Seen(since), early)
            self.failing = done.failing
            found = done.written + done.deleted
            latest = max(latest, done.seen.latest)
            copied, wanted = self._count(target), self._count(source) - len(self.failing)
            missed = done.seen.missed
            # Retry the items that could not be fetched once, even if nothing else is left.
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
            # If a pass finds over half of what the last one did, writers are about as fast as we
            # are: leave the rest for after the swap.
            is_alike = is_done and copied == wanted
            if since is not None and (is_alike or found > last_found / 2):
                self._copied = Copied(since, done.seen.times, done.seen.older(), missed)
                return
            # The last pass must know which items are young, and the swap may follow it at once.
            time.sleep(max(0.0, self._settled - time.monotonic()))
            stage, last_found = "catch-up", found
            since = min(latest, datetime.now(UTC))

    def swap(self) -> None:
        """Point the alias to the new collection.

        Raises:
            FailedPreconditionError: another client has moved it meanwhile.
        """
        self._policy.answer(AliasWatch(self._client, self._plan).check)
        self._lead()

    def settle(self, otherwise: Copied) -> None:
        """Copy what is still written to the old collection, until nobody writes to it any more.

        Args:
            otherwise: the items that were copied, if it was not this call that copied them.

        Raises:
            ServerError: only items are left that the store lists but can't fetch.
        """
        copied = otherwise if self._copied is None else self._copied
        late = LateWriter(self._client, self._plan, copied, self._limits, model=self._model)
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
        """Delete the marker: the reindex is finished."""
        with contextlib.suppress(NotFoundError):
            self._policy.answer(lambda: self._client.delete_alias(self._plan.marker))

    def count(self) -> int:
        """Return the number of items in the new collection."""
        return self._count(self._plan.target)

    def _lead(self) -> AliasMove:
        plan = self._plan
        return self._policy.answer(lambda: self._client.set_alias(plan.alias, plan.target))

    def _count(self, collection: str) -> int:
        return self._policy.answer(lambda: self._client.count_items(collection=collection))

    def _pass(self, stage: ReindexStage, seen: Seen, writer: Writer) -> Pass:
        """Run a pass, again if the server goes away; return the one that succeeded."""

        def run() -> Pass:
            each = Pass(
                self._client,
                self._plan,
                self._content,
                self._limits,
                stage=stage,
                seen=seen,
                writer=writer,
                reported_ids=self._reported_ids,
                on_progress=self._on_progress,
            )
            try:
                each.run()
            finally:
                self.written += each.written
                self.deleted += each.deleted
            return each

        return self._policy.answer(run, progress=lambda: self.written)
