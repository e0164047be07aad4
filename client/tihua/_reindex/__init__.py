"""Moves a collection to another model while it is searched and written to."""
