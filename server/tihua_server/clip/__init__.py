"""The `Encoder` of every model: the networks, and the engines that run them.

Begin with `encoder.py`; `loading.py` chooses model and engine. Only this package and `training`
import torch, cn_clip and OpenVINO, and only where a model is loaded: `tihua-server --help` needs
none of them.
"""
