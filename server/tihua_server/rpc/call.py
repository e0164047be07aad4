"""A call: its id, its status, its line in the log; and all calls in progress.

The only place that catches unexpected exceptions: each is a bug, logged with its traceback, and the
caller does not see its text.
"""

import asyncio
import logging
import time
import urllib.parse
from collections.abc import Sequence
from typing import Any

import grpc
import structlog

from tihua_server.deadline import set_deadline
from tihua_server.errors import ModelError, ServiceError, StoreError, StoreUnavailable
from tihua_server.observer import Observer
from tihua_server.request_id import REQUEST_ID_KEY, begin_request
from tihua_server.rpc.access import CALLER
from tihua_server.rpc.status import DETAILS_KEY, rich_status, status_code

MAX_TRANSIT_S = 0.1
MAX_ROUNDING_SHARE = 0.01
"""How far a deadline here may lie behind the caller's: in seconds, and as a share of its time.

The call was in transit, and gRPC rounds deadlines up: 30 s to a tenth of a second, 5 minutes to a
second.
"""

SETTLE_S = 0.05
"""How long the server must be quiet to count as idle, in seconds."""

STATUS_TIMEOUT_S = 1.0
"""How long a call waits for its status to be sent, in seconds."""

OPERATOR_ERRORS = (StoreUnavailable, StoreError, ModelError)
"""Errors that only the operator can fix: their messages belong in the log."""

Context = grpc.aio.ServicerContext[Any, Any]


class Calls:
    """The calls in progress.

    Attributes:
        log: where calls are logged.
        observer: notified of their beginning and end.
        under_way: their number.
    """

    def __init__(self, observer: Observer) -> None:
        """Begin with no call in progress."""
        self.observer = observer
        # Bound once: the lazy logger of a module takes 5 us to skip an event.
        self.log = structlog.get_logger("tihua").bind()
        self.under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Return when no call is in progress and none has arrived for `SETTLE_S`."""
        while True:
            await self._idle.wait()
            # gRPC may hold one that it has not passed on yet.
            await asyncio.sleep(SETTLE_S)
            if not self.under_way:
                return

    def report_parts(self, method: str, errors: Sequence[ServiceError]) -> None:
        """Log and count errors within an OK response, as those of SearchMany's queries.

        Args:
            method: `SearchService/SearchMany`.
            errors: all of one call; each reason is logged once.
        """
        alike: dict[str, list[ServiceError]] = {}
        for error in errors:
            self.observer.part_failed(error.reason)
            alike.setdefault(error.reason, []).append(error)
        for reason, [first, *others] in alike.items():
            fields = {"method": method, "code": status_code(first).name, "reason": reason}
            count = 1 + len(others)
            if isinstance(first, OPERATOR_ERRORS):
                self.log.warning("parts failed", **fields, count=count, message=first.message)
            else:
                self.log.info("parts failed", **fields, count=count)

    def begin(self) -> None:
        """Count the current task's call until the task ends: then its answer has been sent."""
        task = asyncio.current_task()
        assert task
        task.add_done_callback(self._end)
        self._idle.clear()
        self.under_way += 1

    def _end(self, task: "asyncio.Task[Any]") -> None:
        self.under_way -= 1
        if not self.under_way:
            self._idle.set()


class Call:
    """One call of a tihua method, from its beginning to its status and its line in the log.

    Wrap the method in `async with`: an exception becomes the status.
    """

    __slots__ = ("_calls", "_context", "_method", "_peer", "_request_id", "_start_s")

    def __init__(self, calls: Calls, method: str, context: Context) -> None:
        self._calls = calls
        self._method = method.removeprefix("tihua.v1.")
        self._context = context
        self._peer = ""
        self._request_id = ""
        self._start_s = time.perf_counter()

    async def __aenter__(self) -> None:
        metadata = tuple(self._context.invocation_metadata() or ())
        # gRPC forgets it once the caller has left; asking costs 0.1 us.
        self._peer = self._context.peer()
        self._request_id = begin_request(metadata)
        set_deadline(self._left_s())
        self._calls.observer.rpc_began(self._method, metadata)
        self._context.set_trailing_metadata(((REQUEST_ID_KEY, self._request_id),))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        """Log the outcome, and send the status of an error.

        A cancellation, or gRPC's error about a dead caller, propagates.
        """
        match error:
            case None:
                # A line for each call would take a fifth of the time of a server of small calls.
                self._report("OK", level=logging.DEBUG)
            case ServiceError() if isinstance(error, OPERATOR_ERRORS):
                self._report_error(error, level=logging.WARNING, message=error.message)
                await self._abort(error)
            case ServiceError():
                self._report_error(error)
                await self._abort(error)
            case asyncio.CancelledError() | grpc.aio.InternalError():
                # The latter is raised by a write to a caller that has just died.
                self._report("DEADLINE_EXCEEDED" if self._is_late() else "CANCELLED")
            case Exception():
                # A bug: the caller learns only that there is one.
                self._calls.log.error("bug", method=self._method, exc_info=error)
                bug = ServiceError(
                    "internal error; the server's log has the details of request "
                    + self._request_id
                )
                self._report_error(bug)
                await self._abort(bug)

    def _is_late(self) -> bool:
        """Return whether the deadline has passed: the caller then cancels, as if it had left."""
        left_s = self._left_s()
        if left_s is None:
            return False
        deadline_s = time.perf_counter() - self._start_s + left_s
        return left_s < MAX_TRANSIT_S + MAX_ROUNDING_SHARE * deadline_s

    def _left_s(self) -> float | None:
        """Return the time until the deadline, in seconds; None if there is none."""
        return self._context.time_remaining()

    def _report_error(self, error: ServiceError, level: int = logging.INFO, **more: str) -> None:
        self._report(status_code(error).name, error.reason, level, **more)

    def _report(self, code: str, reason: str = "", level: int = logging.INFO, **more: str) -> None:
        """Report the outcome to the observer and the log."""
        self._calls.observer.rpc_ended(self._method, code, reason, self._start_s)
        log = self._calls.log
        if not log.is_enabled_for(level):
            return
        elapsed_s = time.perf_counter() - self._start_s
        left_s = self._left_s()
        fields: dict[str, object] = {"method": self._method, "code": code}
        if reason:
            fields["reason"] = reason
        fields["ms"] = round(elapsed_s * 1000, 1)
        if left_s is not None:
            fields["deadline_ms"] = round((elapsed_s + left_s) * 1000)
        if caller := CALLER.get().name:
            fields["caller"] = caller
        fields["peer"] = urllib.parse.unquote(self._peer)
        log.log(level, "rpc", **fields, **more)

    async def _abort(self, error: ServiceError) -> None:
        status = rich_status(error, self._request_id)
        # A status is sent after the messages before it, so a client that does not read those does
        # not read it either. gRPC keeps it for later; waiting for that could take for ever.
        try:
            async with asyncio.timeout(STATUS_TIMEOUT_S):
                await self._context.abort(
                    status_code(error),
                    status.message,
                    ((REQUEST_ID_KEY, self._request_id), (DETAILS_KEY, status.SerializeToString())),
                )
        except TimeoutError:
            # End as if the caller were gone: gRPC would log the error itself as a bug.
            raise asyncio.CancelledError from error


def host_of(context: Context) -> str:
    """Return the machine that a call comes from: `192.0.2.1` of `ipv4:192.0.2.1:50123`."""
    kind, _, address = urllib.parse.unquote(context.peer()).partition(":")
    return address.rpartition(":")[0] if kind in {"ipv4", "ipv6"} else kind
