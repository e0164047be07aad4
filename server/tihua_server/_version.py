"""The version of the server, which is released together with the client."""

__version__ = "0.1.0"
