"""The process of a server: what ends it, and how.

The first SIGTERM or SIGINT stops it in order; before it serves, or if it is the second, a signal
ends it at once. A server that loses its GPU stops too, so that its supervisor restarts it.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence

import structlog

from tihua_server.app import serving
from tihua_server.config import Config
from tihua_server.errors import DeviceLost
from tihua_server.types import Encoder

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
"""The signals that end the server."""

REPEAT_S = 1.0
"""Signals this soon after the first, in seconds, are the same request: `timeout` signals a process
and then its group."""

_log = structlog.get_logger("tihua")


async def serve(config: Config, load: Callable[[Config], Sequence[Encoder]]) -> bool:
    """Run a server until SIGTERM or SIGINT; return whether all threads have finished.

    During the start these signals end the process at once, as before it (`cli.py`); so does a
    second one later. The store survives that (docs/chaos.md).

    Args:
        config: how to run it.
        load: returns its models; see `app.serving`.

    Raises:
        DeviceLost: the GPU failed permanently, so the server was stopped.
    """
    stop_requested = asyncio.Event()
    _end_at_the_next_signal()
    async with serving(config, load=load) as app:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, stop_requested.set)
        app.announce()
        await _any(stop_requested, app.device_lost)
        loop.call_later(REPEAT_S, _end_at_the_next_signal)
        _log.info(
            "stopping; a second signal ends the server at once",
            drain_timeout_s=config.drain_timeout_s,
        )
    if app.device_lost.is_set():
        raise DeviceLost("the GPU computes nothing more for this process: start the server again")
    return app.is_at_rest


def _end_at_the_next_signal() -> None:
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, os._exit, 128 + number)


async def _any(*events: asyncio.Event) -> None:
    """Return when one of the events is set."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
