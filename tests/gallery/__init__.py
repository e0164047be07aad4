"""Rebuilds the sample gallery of the server, whose wheel has the pictures and not this program."""
