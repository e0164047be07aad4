"""Streams of one client."""

import contextlib

import pytest
from tihua_server.errors import TooManyStreams
from tihua_server.rpc.streams import Streams


def test_a_client_has_as_many_streams_as_it_may() -> None:
    """One more is refused with a delay; another client is not in its way."""
    streams = Streams(2)
    with contextlib.ExitStack() as held:
        for client in ("a", "a", "b"):
            held.enter_context(streams.held(client))
        with pytest.raises(TooManyStreams, match="a has 2 streams open") as refused:
            held.enter_context(streams.held("a"))
        assert refused.value.retry_after_s > 0
        held.enter_context(streams.held("b"))


def test_a_stream_that_ends_makes_room() -> None:
    """However it ends."""
    streams = Streams(1)
    for _ in range(3):
        with contextlib.suppress(ZeroDivisionError), streams.held("a"):
            raise ZeroDivisionError
