"""A port that stays its owner's: for servers that can't choose one, or must come back to theirs."""

import contextlib
import random
import socket

HOST = "127.0.0.1"
"""Where everything listens."""


def free_port() -> int:
    """Return a port on which nobody listens just now.

    It is below those that Linux gives to outgoing connections, 32 768 and up: one of these could
    take the port of a server that is down for a moment.
    """
    for port in random.SystemRandom().sample(range(10_000, 32_000), 1_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise AssertionError("a thousand ports are taken")
