"""A collection embedded again with another model, while the old one goes on being searched.

    rename ──> copy ──> catch up ──> swap ──> settle
    (once)     until nothing has changed      until nobody writes to the old one any more

Nothing is kept on this machine: what is under way is told by the collections (`_reindex_plan.py`)
and their items (`_reindex_changes.py`). So a call that was cut off anywhere is simply made again.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tihua._reindex_changes import Copied
from tihua._reindex_plan import plan
from tihua._reindex_steps import Steps
from tihua._reindex_types import Content, ReindexProgress, ReindexSummary
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
    """Embed a collection again with another model, and lead its name to the result.

    The old collection is searched and written to all the while. The new one is made beside it, with
    its index and description, and filled from `content`; what changes in the old one meanwhile is
    done again, until there is nothing left. Then `name`, which is an alias, is led to the new
    collection in one step, and what was yet written to the old one by servers that did not know is
    fetched. The old collection stays.

    If it is cut off, anywhere, call it again with the same arguments: it goes on with what is
    missing. It must be the only one that writes to the new collection before the alias leads there.

    Args:
        client: of a server that serves both models; with tokens, of the role admin.
        name: an alias. A plain collection is renamed once, and its name becomes an alias of it.
        model: the id of the new model.
        content: what an item was made of.
        allow_missing: lead the name to the new collection even if there are items of which the
            content can't be found or embedded.
        on_progress: called on the calling thread with how far a pass is, and what failed.
        on_break: called when the server is away and will be tried again, with the reason.
        reconnect_timeout: how long to try again after a break before nothing more got through, in
            seconds; 0 never tries.

    Returns:
        What became of it. If items failed and `allow_missing` is not set, nothing was swapped.

    Raises:
        NotFoundError: there is no such collection, or the server does not serve the model.
        FailedPreconditionError: the name is being reindexed to another model, or the collection is
            not loaded.
        UnavailableError, DeadlineError: the server did not come back, or did not answer in time,
            within `reconnect_timeout`.
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
        on_break=on_break,
        reconnect_timeout=reconnect_timeout,
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
        items=client.count_items(collection=todo.target),
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
        f"{model} too",
        reason="MODEL_NOT_FOUND",
        field="model",
    )
