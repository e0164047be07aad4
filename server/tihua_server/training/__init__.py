"""The training that made `tihua-tiny`; needs the extra `tihua[train]`, and no server."""
