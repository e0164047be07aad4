"""What pymilvus raises → what the service raises.

Milvus' codes are those of `pkg/util/merr` (2.3 and later); Milvus before 2.4 reports many errors of
the caller as 65535, so their texts are read as well. Milvus Lite has its own few codes, and reports
whatever it did not expect as 1. pymilvus reports its own timeouts as 1.
"""

import re
from collections.abc import Sequence

import grpc
from pymilvus.exceptions import MilvusException

from tihua_server.errors import (
    AlreadyExists,
    CollectionDamaged,
    CollectionInUse,
    CollectionNotReady,
    InvalidInput,
    NotFound,
    ServiceError,
    StoreError,
    StoreFull,
    StoreUnavailable,
)

FULL_RETRY_S = 5.0
"""When to try again after a full disk, in seconds: somebody must make room."""

_NOT_FOUND = frozenset({100, 1600})
_NOT_LOADED = frozenset({101, 103})
# 2 is pymilvus' "fail connecting" and Milvus' "unavailable"; 3 and 4 are full memory and queues, 8
# and 9 rate limits, 901 a node that has left.
_UNAVAILABLE = frozenset({2, 3, 4, 8, 9, 901})
_INVALID = frozenset({6, 1100})

_TIMED_OUT = re.compile(
    r"retry (timeout|run out)|timeout,|deadline|not ready|unavailable", re.IGNORECASE
)
_TAKEN = re.compile(
    r"already exist|duplicate collection|duplicated new collection|name conflict|conflicts with",
    re.IGNORECASE,
)
# Only lookups get here: the service checks names to create. Milvus Lite reports the second as 1,
# too; Milvus 2.3 the third as 65535, of a collection that is renamed while it is read.
_NO_NAME = re.compile(
    r"invalid collection name|collection '.*' does not exist|collection not found", re.IGNORECASE
)
_FILTER = re.compile(
    r"cannot parse expression|query plan|not a boolean expression|unsupported expr|at column \d+",
    re.IGNORECASE,
)
# What the system, Arrow, numpy and faiss say when a write fails on the disk.
_DISK = re.compile(
    r"no space left on device|disk quota exceeded|file too large|input/output error"
    r"|read-only file system|\d+ requested and \d+ written",
    re.IGNORECASE,
)
_RANGE = re.compile(r"out of range|invalid parameter|should be (in range|limited)", re.IGNORECASE)


def translate(error: MilvusException | grpc.RpcError, collection: str) -> ServiceError:
    """Return the error of the service for one of pymilvus.

    Args:
        error: what pymilvus raised: its own errors, and gRPC's for a deadline or a bad token.
        collection: the name that the call was about; may be empty.
    """
    if not isinstance(error, MilvusException):
        return _of_status(error.code() if isinstance(error, grpc.Call) else None)
    if isinstance(error.code, grpc.StatusCode):
        return _of_status(error.code)
    code, text = int(error.code), str(error.message)
    if code in _NOT_FOUND or _NO_NAME.search(text):
        return not_found(collection)
    if code in _NOT_LOADED:
        return not_loaded(collection)
    if is_disk_failure(error):
        return store_full()
    if _TAKEN.search(text):
        return already_exists(collection)
    if code in _UNAVAILABLE or (code == 1 and _TIMED_OUT.search(text)):
        return unavailable()
    if _FILTER.search(text):
        return _refused(text, "filter")
    if code in _INVALID or error.is_input_error or _RANGE.search(text):
        return _refused(text)
    return StoreError(f"Milvus failed: {_first_line(text)} (code {code})", metadata={"code": code})


def is_disk_failure(error: MilvusException) -> bool:
    """Return whether Milvus failed because its disk did not take what it wrote."""
    return _DISK.search(str(error.message)) is not None


def store_full(free_bytes: int | None = None, min_free_bytes: int = 0) -> StoreFull:
    """Return the error for a disk without room; `free_bytes` is None if it is not known."""
    if free_bytes is None:
        found, metadata = "takes no more", {}
    else:
        found = f"has {free_bytes >> 20} MiB left and writing needs {min_free_bytes >> 20} MiB"
        metadata = {"free_bytes": free_bytes, "min_free_bytes": min_free_bytes}
    error = StoreFull(
        f"the disk of the store {found}: make room on it, or delete collections; what is stored "
        "can still be searched",
        retry_after_s=FULL_RETRY_S,
    )
    error.metadata.update({key: str(value) for key, value in metadata.items()})
    return error


def not_found(collection: str) -> NotFound:
    """Return the error for a collection that is not there."""
    return NotFound(f"there is no collection {collection!r}", metadata={"collection": collection})


def damaged(collection: str) -> CollectionDamaged:
    """Return the error for a collection of Milvus Lite that can't be opened."""
    return CollectionDamaged(
        f"the files of the collection {collection!r} are damaged: stop the server and restore its "
        "directory in --data-dir, or remove it",
        metadata={"collection": collection},
    )


def not_loaded(collection: str) -> CollectionNotReady:
    """Return the error for a collection that is released."""
    return CollectionNotReady(
        f"the collection {collection!r} is not loaded for searching: load it first",
        metadata={"collection": collection},
    )


def loading(collection: str) -> StoreUnavailable:
    """Return the error for a collection that Milvus is loading, as it does after a restart."""
    return StoreUnavailable(
        f"Milvus is still loading the collection {collection!r}: try again in a moment",
        reason="COLLECTION_LOADING",
        metadata={"collection": collection},
    )


def no_alias(alias: str) -> NotFound:
    """Return the error for an alias that is not there."""
    return NotFound(f"there is no alias {alias!r}", reason="ALIAS_NOT_FOUND", field="alias")


def has_aliases(collection: str, aliases: Sequence[str]) -> CollectionInUse:
    """Return the error for dropping a collection that has aliases."""
    names = ", ".join(aliases)
    return CollectionInUse(
        f"the collection {collection!r} has the aliases {names}: point them elsewhere, or delete "
        "them first",
        reason="COLLECTION_HAS_ALIASES",
        metadata={"collection": collection, "aliases": names},
    )


def is_alias(alias: str, collection: str) -> CollectionInUse:
    """Return the error for an operation that needs a collection's own name."""
    return CollectionInUse(
        f"{alias!r} is an alias of the collection {collection!r}: say which of the two you mean",
        reason="IS_ALIAS",
        metadata={"alias": alias, "collection": collection},
    )


def already_exists(collection: str) -> AlreadyExists:
    """Return the error for a name that is taken; collections and aliases share one name space."""
    return AlreadyExists(
        f"there is a collection or alias {collection!r} already: choose another name",
        metadata={"collection": collection},
    )


def unavailable(timeout_s: float | None = None) -> StoreUnavailable:
    """Return the error for a Milvus that can't be reached, or did not answer in `timeout_s`."""
    within = "" if timeout_s is None else f" within {timeout_s:g} s"
    return StoreUnavailable(f"Milvus does not answer{within}: try again, or check that it runs")


def unreadable(why: str) -> StoreUnavailable:
    """Return the error for the data directory of an embedded store that is gone, or hangs."""
    return StoreUnavailable(
        f"the data directory of the store can't be read ({why}): check that it is there and its "
        "disk is mounted, or restart the server with another --data-dir"
    )


def _of_status(status: grpc.StatusCode | None) -> ServiceError:
    if status in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}:
        return StoreError("Milvus refuses the server's token: check --milvus-token")
    if status is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return StoreError("the answer of Milvus is too large: ask for fewer items")
    if status in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
        return unavailable()
    return StoreError(f"Milvus failed with the gRPC status {status.name if status else 'unknown'}")


def _refused(text: str, field: str = "") -> InvalidInput:
    what = "the filter" if field else "the request"
    reason = "INVALID_FILTER" if field else None
    return InvalidInput(f"Milvus refuses {what}: {_first_line(text)}", reason=reason, field=field)


def _first_line(text: str) -> str:
    """Return the reason without the expression that Milvus quotes first: it has bound values."""
    return text.rpartition(", error: ")[2].partition("\n")[0][:300]
