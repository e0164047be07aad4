"""A disk that is quickly filled: a tmpfs with a ballast file."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos.ground import Skipped

SIZE_BYTES = 320 * 2**20


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A mounted tmpfs.

    Attributes:
        path: the mount point.
    """

    path: Path

    def fill(self, *, leaving_bytes: int) -> None:
        """Grow the ballast until at most `leaving_bytes` are free."""
        with self._ballast.open("ab") as ballast:
            while (size := shutil.disk_usage(self.path).free - leaving_bytes) > 0:
                # Others write too: the space may be taken by now.
                with contextlib.suppress(OSError):
                    os.posix_fallocate(ballast.fileno(), ballast.seek(0, os.SEEK_END), size)

    def make_room(self) -> None:
        """Remove the ballast."""
        self._ballast.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"


@contextlib.contextmanager
def small_disk(path: Path) -> Iterator[SmallDisk]:
    """Mount a tmpfs for the duration of the block.

    Raises:
        Skipped: this user may not mount.
    """
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skipped(f"a tmpfs can't be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", str(path)], check=True)
