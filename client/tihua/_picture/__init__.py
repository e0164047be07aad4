"""Turns picture files into the pixels that a model takes: for the server, and for clients."""
