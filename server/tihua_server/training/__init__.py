"""Makes and fine-tunes `tihua-tiny`, and fine-tunes Chinese-CLIP.

It needs the extra `tihua-server[train]`, and no running server.
"""
