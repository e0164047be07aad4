"""Ports that stay their owner's: for servers that can't choose one, or must come back to theirs."""

import contextlib
import random
import socket

HOST = "127.0.0.1"
"""Where everything listens."""


def free_port() -> int:
    """Return a port on which nobody listens just now."""
    [port] = free_ports(1)
    return port


def free_ports(count: int) -> list[int]:
    """Return different ports on which nobody listens just now.

    They are below those that Linux gives to outgoing connections, 32 768 and up: one of these could
    take the port of a server that is down for a moment.
    """
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for port in random.SystemRandom().sample(range(10_000, 32_000), 1_000):
            probe = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                found.append(port)
            if len(found) == count:
                return found
    raise AssertionError("a thousand ports are taken")
