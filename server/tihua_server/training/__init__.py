"""The training that made `tihua-tiny`; needs the extra `tihua-server[train]`, and no server."""
