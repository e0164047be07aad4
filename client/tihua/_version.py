"""The version of the client, which is released together with the server."""

__version__ = "0.1.0"
