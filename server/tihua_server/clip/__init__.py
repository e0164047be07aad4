"""The `Encoder` of every model: the networks, and the engines that run them.

Besides this package only `training` and `resizing.py` import torch. All of them do so only where a
model is loaded: `tihua-server --help` needs none of it.
"""
