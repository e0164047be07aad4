"""A connection to Milvus: blocking calls in threads, each with a deadline and our own errors.

pymilvus' blocking client is used, because `AsyncMilvusClient` turns rows into messages and back on
the event loop: some 100 ms for a batch of 1 000. It never forks.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, TypeVar

import grpc
from pymilvus.exceptions import MilvusException

from tihua_server.collection import is_collection_name
from tihua_server.deadline import left_s
from tihua_server.errors import ServiceError, StoreUnavailable
from tihua_server.milvus.client import connect
from tihua_server.milvus.errors import (
    is_disk_failure,
    not_found,
    translate,
    unavailable,
    unreadable,
)
from tihua_server.milvus.lite_server import LiteServer
from tihua_server.observer import Observer

CALLS_AT_ONCE = 8
"""Concurrent calls to a Milvus server; further ones wait while their deadlines run."""

LONG_CALLS_AT_ONCE = 4
"""Concurrent calls that read a whole collection, in other threads so as not to block searches."""

GRACE_S = 0.1
"""How long a read may outlast its caller's deadline, in seconds, so that the missed deadline is
what is reported."""

MIN_TIMEOUT_S = 0.001
"""The least timeout of a call, in seconds, however late it got a thread."""

LITE_TIMEOUT_S = 600.0
"""The least timeout of a `call` (not a `read`) to an embedded Milvus, in seconds, even if its
caller has given up: Milvus Lite finishes it in any case, and the thread's next call would be a
second writer."""

_LITE = "milvus_lite-"
_CLOSED = "the connection to Milvus is closed"

T = TypeVar("T")


class MilvusConnection:
    """An open connection to a Milvus, embedded or not.

    Attributes:
        client: pymilvus' client; its methods are run by `call`.
        lite_server: Milvus Lite in this process, else None; its methods are run by `call`.
        kind: product and version, for people: `Milvus Lite 3.2.2`.
        is_lite: whether it is Milvus Lite, here or elsewhere.
        is_in_doubt: whether it was unavailable, or loading a collection, since this was last reset.
        timeout_s: deadline of a call, in seconds.
    """

    def __init__(
        self,
        client: Any,
        version: str,
        lite_server: LiteServer | None,
        timeout_s: float,
        observer: Observer,
    ) -> None:
        self.client = client
        self.is_lite = version.startswith(_LITE)
        number = version.removeprefix(_LITE).removeprefix("v")
        self.kind = f"Milvus Lite {number}" if self.is_lite else f"Milvus {number}"
        self.lite_server = lite_server
        self.timeout_s = timeout_s
        self._observer = observer
        # Milvus Lite allows no two writers, and reads miss rows while it flushes: a single thread
        # serializes its calls.
        threads = 1 if self.is_lite else CALLS_AT_ONCE
        self._pool = self._long_pool = ThreadPoolExecutor(threads, thread_name_prefix="milvus")
        if not self.is_lite:
            self._long_pool = ThreadPoolExecutor(LONG_CALLS_AT_ONCE, thread_name_prefix="long")
        # A disk may hang, and block this thread: not the event loop, nor the threads of searches.
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self.is_in_doubt = False
        self._is_closed = False

    @classmethod
    async def open(
        cls, target: str | Path, *, token: str, timeout_s: float, observer: Observer
    ) -> "MilvusConnection":
        """Connect; see `Milvus.open`."""
        client, version, lite_server = await connect(target, token=token, timeout_s=timeout_s)
        return cls(client, version, lite_server, timeout_s, observer)

    async def call(
        self,
        name: str,
        function: Callable[..., T],
        *args: object,
        timeout_s: float | None = None,
        **kwargs: object,
    ) -> T:
        """Run a blocking function in a thread, given a `timeout` in seconds; return its result.

        Args:
            name: the collection or alias that it concerns; empty for none.
            function: what to run.
            args: of the function.
            timeout_s: how long to wait for it, in seconds, if it may read a whole collection: it
                runs in other threads than searches. None for the connection's timeout.
            kwargs: of the function.

        Raises:
            StoreUnavailable: Milvus does not answer in time, or the connection is closed.
            NotFound: no collection can have that name.
            ServiceError: any other error of Milvus, translated.
        """
        bound_s = self.timeout_s if timeout_s is None else timeout_s
        least_s = LITE_TIMEOUT_S if self.lite_server else MIN_TIMEOUT_S
        work = partial(self._work, partial(function, *args, **kwargs), least_s)
        return await self._run(
            name, function.__name__, work, bound_s, is_long=timeout_s is not None
        )

    async def read(
        self, name: str, function: Callable[..., T], *args: object, **kwargs: object
    ) -> T:
        """Like `call`, but bounded by the caller's deadline as well.

        A thread that reads for callers who have left is lost to the others. A write is not bounded
        so: once begun, it continues without its caller.
        """
        bound_s = min(self.timeout_s, max(left_s(), 0) + GRACE_S)
        work = partial(self._work, partial(function, *args, **kwargs), MIN_TIMEOUT_S)
        return await self._run(name, function.__name__, work, bound_s, is_long=False)

    async def _run(
        self, name: str, call: str, work: Callable[[float], T], bound_s: float, *, is_long: bool
    ) -> T:
        """Run work in a thread, given its deadline by `monotonic`; waiting for a thread counts."""
        if name and not is_collection_name(name):  # to Milvus Lite it would be a path
            raise not_found(name)
        if self._is_closed:
            raise StoreUnavailable(_CLOSED)
        pool = self._long_pool if is_long else self._pool
        loop = asyncio.get_running_loop()
        with self._answered(call.strip("_"), name, bound_s):
            async with asyncio.timeout(bound_s):
                return await loop.run_in_executor(pool, work, monotonic() + bound_s)

    @contextlib.contextmanager
    def _answered(self, call: str, name: str, bound_s: float) -> Iterator[None]:
        """Translate what a call raises, and report its outcome to the observer unless cancelled."""
        start_s = perf_counter()
        try:
            yield
        except ServiceError as error:  # the function's own: a disk without room
            self._observer.store_answered(call, start_s, error.reason)
            raise
        except (TimeoutError, asyncio.CancelledError, MilvusException, grpc.RpcError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and (
                # Else `close` cancelled the work before it had begun.
                not self._is_closed or task is None or task.cancelling()
            ):
                raise
            if isinstance(error, TimeoutError):
                failure: ServiceError = unavailable(bound_s)
            elif self._is_closed:
                failure = StoreUnavailable(_CLOSED)
            else:
                failure = translate(error, name)
            self.is_in_doubt |= isinstance(failure, StoreUnavailable)
            self._observer.store_answered(call, start_s, failure.reason)
            raise failure from error
        self._observer.store_answered(call, start_s, "")

    def _work(self, function: Callable[..., T], least_s: float, end_s: float) -> T:
        try:
            return function(timeout=max(end_s - monotonic(), least_s))
        except MilvusException as error:
            if self.lite_server and is_disk_failure(error):
                self.lite_server.reopen()
            raise

    async def require_room(self) -> None:
        """Raise unless the disk of an embedded Milvus has room for writing.

        Raises:
            StoreFull: it has not.
            StoreUnavailable: the data directory can't be read, or the connection is closed.
        """
        if (lite_server := self.lite_server) is None:
            return
        if self._is_closed:
            raise StoreUnavailable(_CLOSED)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.timeout_s):
                has_room = await loop.run_in_executor(self._disk, lite_server.has_room)
        except TimeoutError as error:
            raise unreadable(f"no answer within {self.timeout_s:g} s") from error
        if not has_room:
            await self.call("", _require_room, lite_server)

    async def ping(self) -> None:
        """Return if Milvus answers, else raise; not kept waiting by other calls."""
        with self._answered("get_server_version", "", self.timeout_s):
            async with asyncio.timeout(self.timeout_s):
                await asyncio.to_thread(self.client.get_server_version, timeout=self.timeout_s)

    async def close(self) -> None:
        """Wait for running calls, then close the client and stop an embedded Milvus.

        A call that takes a server longer than `timeout_s`, such as building an index, continues
        there. An embedded Milvus that takes longer, as on a hung disk, is abandoned as if killed.

        Raises:
            StoreUnavailable: it was abandoned; its thread runs until the process ends.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._disk.shutdown(wait=False)
        if self.lite_server:
            await self._stop_lite(self.lite_server)
            return
        await asyncio.to_thread(self._pool.shutdown)
        long = asyncio.create_task(asyncio.to_thread(self._long_pool.shutdown, cancel_futures=True))
        await asyncio.wait([long], timeout=self.timeout_s)
        await asyncio.to_thread(self.client.close)  # ends calls that still wait
        await long

    async def _stop_lite(self, lite_server: LiteServer) -> None:
        def stop() -> None:
            self.client.close()
            lite_server.stop()

        last = self._pool.submit(stop)  # its only thread first finishes the calls before
        self._pool.shutdown(wait=False)
        try:
            async with asyncio.timeout(self.timeout_s):
                await asyncio.wrap_future(last)
        except TimeoutError as error:
            raise StoreUnavailable(
                f"the embedded store was still busy after {self.timeout_s:g} s; the next start "
                "reads all that was acknowledged from its log"
            ) from error


def _require_room(lite_server: LiteServer, *, timeout: float) -> None:
    lite_server.require_room()
