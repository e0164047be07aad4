"""Rebuilds the server's sample gallery; the wheel has the pictures, but not this program."""
