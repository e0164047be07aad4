"""Copies a collection to another server, for example from the embedded store to Milvus.

Nothing is embedded again, and no state is kept on this machine: the copy itself shows what has been
done. After an interruption, or to copy what was written meanwhile, just call it again.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tihua._between_collections import LIST_ITEMS, PAGE_ITEMS, created_like, ensure_loaded
from tihua._copy_transfer import Transfer
from tihua._copy_types import CopyProgress, CopySummary
from tihua._reconnect import ReconnectPolicy
from tihua._server_types import Collection, ServerInfo
from tihua.errors import FailedPreconditionError, NotFoundError, TihuaError

if TYPE_CHECKING:
    from tihua._client import Client

__all__ = ["copy_collection"]


def copy_collection(
    source: "Client",
    target: "Client",
    name: str,
    *,
    new_name: str = "",
    on_progress: Callable[[CopyProgress], None] | None = None,
    on_break: Callable[[TihuaError], None] | None = None,
    reconnect_timeout: float = 60.0,
) -> CopySummary:
    """Copy a collection to another server: embeddings, uris, metadata and times, unchanged.

    The collection is created there, with its index and description, unless it exists: then only
    items that are missing or older there are copied. Items that only the copy has stay. The
    original is not changed, and may be searched and written to meanwhile. Aliases are not copied.

    Args:
        source: a client of the server that has the collection.
        target: a client of the other server, which must serve the collection's model. If that
            server has tokens, the client needs the role write, or admin if the copy is released.
        name: the collection, or an alias of it.
        new_name: the name of the copy; empty means `name`.
        on_progress: called on the calling thread with the progress and the new failures.
        on_break: called with the reason when a server does not answer and will be tried again.
        reconnect_timeout: how long to keep retrying after a break without any progress, in seconds;
            0 disables retries.

    Raises:
        NotFoundError: there is no such collection, or the other server does not serve its model.
        FailedPreconditionError: the other server's collection of that name has another model, or
            the collection is not loaded.
        UnavailableError, OverloadedError, DeadlineError: a server can't be reached at the start, or
            did not come back, or did not answer in time, within `reconnect_timeout`.
    """
    began = time.monotonic()
    original = source.get_collection(name)
    limits, info = source.server_info().limits, target.server_info()
    policy = ReconnectPolicy(reconnect_timeout, on_break)
    copy = policy.answer(lambda: _prepared(target, info, original, new_name or name))
    transfer = Transfer(
        source,
        target,
        original,
        copy,
        list_items=min(LIST_ITEMS, limits.max_page_size, info.limits.max_page_size),
        page_items=min(PAGE_ITEMS, limits.max_page_size, info.limits.max_batch_items),
        on_progress=on_progress or (lambda _: None),
    )
    transfer.run(policy)
    return CopySummary(
        collection=copy,
        items=policy.answer(lambda: target.count_items(collection=copy.name)),
        kept=transfer.kept,
        written=transfer.written,
        failed=transfer.failed,
        seconds=time.monotonic() - began,
    )


def _prepared(target: "Client", info: ServerInfo, original: Collection, name: str) -> Collection:
    """Return the collection to copy into, created if there is none, and loaded."""
    if original.model not in {each.ref for each in info.models}:
        served = ", ".join(f"{each.ref.id} {each.ref.fingerprint}" for each in info.models)
        raise NotFoundError(
            f"{original.name} was made with {original.model.id} {original.model.fingerprint}; the "
            f"other server has {served}: start it with the same --model and --model-path",
            reason="MODEL_NOT_FOUND",
        )
    copy = created_like(target, name, original, model=original.model.id)
    if copy.model != original.model:
        raise FailedPreconditionError(
            f"{copy.name} on the other server was made with {copy.model.id} "
            f"{copy.model.fingerprint}, and {original.name} with {original.model.id} "
            f"{original.model.fingerprint}: their embeddings can't be compared; give the copy "
            "another name",
            reason="MODEL_MISMATCH",
        )
    ensure_loaded(target, copy)
    return copy
