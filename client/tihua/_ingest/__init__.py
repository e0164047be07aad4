"""Sends items over a stream that may break: a session without I/O, and a driver for each client."""
