"""Embeds a collection again with another model, while the old collection remains searchable.

    rename ──> copy ──> catch up ──> swap ──> settle
    (once)     until nothing has changed      until nobody writes to the old one any more

No state is kept on this machine: the collections (`_reindex/plan.py`) and their items
(`_reindex/changes.py`) show how far it has got. After an interruption just call it again.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tihua._reconnect import ReconnectPolicy
from tihua._reindex.changes import Copied
from tihua._reindex.plan import plan
from tihua._reindex.steps import Steps
from tihua._reindex.types import Content, ReindexProgress, ReindexSummary
from tihua._server_types import ServerInfo
from tihua._types import UNKNOWN_TIME, ModelRef
from tihua.errors import NotFoundError, TihuaError

if TYPE_CHECKING:
    from tihua._client import Client

__all__ = ["reindex"]


def reindex(
    client: "Client",
    name: str,
    *,
    model: str,
    content: Content,
    allow_missing: bool = False,
    on_progress: Callable[[ReindexProgress], None] | None = None,
    on_break: Callable[[TihuaError], None] | None = None,
    reconnect_timeout: float = 60.0,
) -> ReindexSummary:
    """Embed a collection again with another model, and point its name to the result.

    The old collection can be searched and written to throughout. The new one is created beside it,
    with the same index and description, and filled from `content`; changes of the old one meanwhile
    are repeated, until none are left. Then `name`, which is an alias, is pointed to the new
    collection in one step, and items that other servers still wrote to the old one, before they
    knew that the alias had been moved, are copied too. The old collection stays.

    If it is interrupted, call it again with the same arguments: it continues with what is missing.
    A call that starts after the alias was moved goes by update times, and deletes only what it has
    copied itself: an item that was written during the reindex and deleted since comes back, and one
    that was written late to the old collection with an old `update_time` is not copied. Nothing
    else may write to the new collection before the alias points to it, nor to the old one
    afterwards. A `copy_collection` to `name` that started before would do so: let it end first.

    Args:
        client: a client of a server that serves both models; if the server has tokens, the client
            needs the role admin.
        name: an alias. A plain collection is renamed once, and its name becomes an alias of it.
        model: the id of the new model.
        content: returns what an item was made of.
        allow_missing: point the name to the new collection even if the content of some items can't
            be found or embedded.
        on_progress: called on the calling thread with the progress of a pass and its new failures.
        on_break: called with the reason when the server does not answer and will be tried again.
        reconnect_timeout: how long to keep retrying after a break without any progress, in seconds;
            0 disables retries.

    Returns:
        The result. If items failed and `allow_missing` is not set, nothing was swapped.

    Raises:
        NotFoundError: there is no such collection, or the server does not serve the model.
        FailedPreconditionError: a reindex to another model is not finished, another call was
            faster (reason `REINDEX_UNDER_WAY`), or the collection is not loaded.
        UnavailableError, OverloadedError, DeadlineError: the server can't be reached at the start,
            or did not come back, or did not answer in time, within `reconnect_timeout`.
    """
    began = time.monotonic()
    info = client.server_info()
    todo = plan(client.list_collections(), name, _served(info, model))
    if todo is None:
        done = client.get_collection(name)
        return ReindexSummary(
            alias=name,
            source="",
            target=done.name,
            items=done.item_count,
            written=0,
            deleted=0,
            failed=0,
            is_swapped=True,
            is_complete=True,
            seconds=time.monotonic() - began,
        )
    steps = Steps(
        client,
        todo,
        content,
        info,
        model=model,
        on_progress=on_progress or (lambda _: None),
        policy=ReconnectPolicy(reconnect_timeout, on_break),
    )
    target = steps.prepare()
    is_swapped = todo.is_swapped
    if not is_swapped:
        steps.copy()
        if allow_missing or not steps.failing:
            steps.swap()
            is_swapped = True
    if is_swapped:
        steps.settle(Copied(target.create_time or UNKNOWN_TIME))
        if allow_missing or not steps.failing:
            steps.finish()
    return ReindexSummary(
        alias=name,
        source=todo.source,
        target=todo.target,
        items=steps.count(),
        written=steps.written,
        deleted=steps.deleted,
        failed=len(steps.failing),
        is_swapped=is_swapped,
        is_complete=is_swapped and (allow_missing or not steps.failing),
        seconds=time.monotonic() - began,
    )


def _served(info: ServerInfo, model: str) -> ModelRef:
    for each in info.models:
        if each.ref.id == model:
            return each.ref
    served = ", ".join(each.ref.id for each in info.models)
    raise NotFoundError(
        f"model {model} is not served here; this server has {served}: start it with --also-model "
        f"{model} too, or {model}:NAME=CHECKPOINT for a checkpoint of your own",
        reason="MODEL_NOT_FOUND",
        field="model",
    )
