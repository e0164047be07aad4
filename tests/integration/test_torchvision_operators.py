"""cn_clip can be imported with a torch without CUDA."""

import subprocess
import sys

PROGRAM = """
from concurrent.futures import ThreadPoolExecutor
from tihua_server.clip.torchvision_operators import define_missing_operators

with ThreadPoolExecutor(4) as pool:
    for future in [pool.submit(define_missing_operators) for _ in range(4)]:
        future.result()
define_missing_operators()
import cn_clip.clip
from torchvision.transforms import Resize
"""


def test_cn_clip_is_imported_in_a_fresh_process() -> None:
    """The operators may be defined repeatedly, also from several threads at once."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
