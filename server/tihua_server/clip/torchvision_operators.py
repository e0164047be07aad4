"""torchvision beside a torch without CUDA: defines the operators that its import needs.

The wheels of torchvision on PyPI are CUDA builds. With a CPU torch their compiled half can't be
loaded, and `import torchvision` fails at the first operator that it describes, although its
transforms, all that cn_clip uses, are pure Python. Call `define_missing_operators` before importing
cn_clip.
"""

import importlib
import threading

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""The operators that `torchvision/_meta_registrations.py` (0.28) needs, and nothing else does."""

_lock = threading.Lock()
_libraries: list[torch.library.Library] = []
"""Kept forever: an operator is gone when its library is collected."""


def define_missing_operators() -> None:
    """Make `import torchvision` work; do nothing where it works by itself.

    Idempotent and thread-safe.

    Raises:
        RuntimeError: torchvision can't be imported for another reason, named in the message.
    """
    with _lock:
        try:
            importlib.import_module("torchvision")
        except RuntimeError:
            # Decided by the import, not by version strings: a torchvision built without CUDA brings
            # its own operators, and defining them a second time would break it.
            if torch.version.cuda is not None or _libraries:
                raise
            library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
            for schema in _SCHEMAS:
                library.define(schema)  # type: ignore[no-untyped-call]
            _libraries.append(library)
            importlib.import_module("torchvision")
