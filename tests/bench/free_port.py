"""A port for servers that can't choose one by themselves."""

import socket

HOST = "127.0.0.1"
"""Where everything listens."""


def free_port() -> int:
    """Return a port on which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
