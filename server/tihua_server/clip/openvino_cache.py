"""Converted models on disk: kept whole or not at all, checked when read, swept when outdated.

    <cache>/openvino/
        lock                    shared by writers, exclusive for the one that sweeps
        partial-…/              being written, or left by a crash while writing
        <fingerprint>-<kind>-<version>-<revision>/
            {image,text}.{xml,bin}  and lower.{xml,bin}, where there is such a network
            SHA256SUMS          of these, as sha256sum writes it; locked by servers that use them
            agrees-…, strays-…  how it compared with fp32 in a precision and on a kind of CPU

Several servers may share a cache. Each maps the weights that it serves into memory, and on a
network file system it would crash (SIGBUS) if another machine removed them: the locks tell what is
in use. Where a file system has no locks, nothing is swept.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import openvino as ov
import structlog

from tihua_server.clip.openvino_conversion import Networks

SUMS = "SHA256SUMS"
PARTIAL = "partial-"

_log = structlog.get_logger("tihua")


class Use:
    """Keeps a folder from being swept for as long as this object lives."""

    def __init__(self, folder: Path) -> None:
        descriptor = os.open(folder / SUMS, os.O_RDONLY)
        weakref.finalize(self, os.close, descriptor)
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)


class Kept(NamedTuple):
    """A converted model from the disk."""

    networks: Networks
    """Their weights are mapped from the files, and not read yet."""

    digest: str
    """Hash of all files together, in hexadecimal."""

    use: Use
    """Must be held as long as the networks are in use."""


def read(folder: Path) -> Kept | None:
    """Return the model in a folder; None if there is none, or it is damaged.

    Every file is read and compared with its sum: 0.55 s for the 754 MB of ViT-B-16 in fp32, 1.6 s
    on a CPU without instructions for SHA-256 (two cores of Zen 4).
    """
    core = ov.Core()
    try:
        if not folder.exists():
            return None
        use = Use(folder)
        sums = _checked_sums(folder)
        networks = Networks(**{n: core.read_model(folder / f"{n}.xml") for n in _names(folder)})
    except (OSError, RuntimeError) as error:
        _log.warning(
            "the converted model is damaged or can't be read; converting anew",
            path=str(folder),
            reason=str(error),
        )
        return None
    return Kept(networks, hashlib.sha256(sums).hexdigest(), use)


class KeptVerdict:
    """How a kept model compared with fp32, so that the next start need not compare again."""

    def __init__(self, folder: Path, key: str) -> None:
        """`key` names the comparison; it becomes part of a file name in the model's `folder`."""
        self._agrees = folder / f"agrees-{key}"
        self._strays = folder / f"strays-{key}"

    def agrees(self) -> bool:
        """Return whether the model is known to agree."""
        return self._agrees.exists()

    def refusal(self) -> str:
        """Return why the model was refused; empty if it was not."""
        try:
            return self._strays.read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            return ""

    def keep(self, refusal: str = "") -> None:
        """Store that the model agrees, or why it is refused, if the folder is writable."""
        with contextlib.suppress(OSError):
            if refusal:
                self._strays.write_text(refusal, encoding="utf-8")
            else:
                self._agrees.touch()


def keep(networks: Networks, folder: Path) -> bool:
    """Keep networks in a folder; return whether they are there now.

    Outdated folders are swept first: leftovers of crashes, and conversions of the model by earlier
    versions, of OpenVINO or of ours.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _writing(folder):
            partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=PARTIAL))
            try:
                # mkdtemp lets only the owner in, and the server may run as another user.
                partial.chmod(0o755)
                _write(networks, partial)
                _put(partial, folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except (OSError, RuntimeError) as error:
        _log.warning("the converted model can't be kept", path=str(folder), reason=str(error))
        return False
    return True


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Sweep if no one else is writing, then keep others from sweeping."""
    with (folder.parent / "lock").open("wb") as lock:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sweep(folder)
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def _sweep(folder: Path) -> None:
    for left in folder.parent.glob(f"{PARTIAL}*"):
        _remove(left)
    model = folder.name.rsplit("-", 2)[0]
    for other in folder.parent.glob(f"{model}-*"):
        # Not newer ones: their server may start again beside this one, as in a rolling update.
        if _version(other) < _version(folder):
            _remove(other)


def _version(folder: Path) -> tuple[int, ...]:
    """Return OpenVINO's version and our revision, for comparison."""
    version = "-".join(folder.name.rsplit("-", 2)[1:])
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _remove(folder: Path) -> None:
    """Remove a folder unless a server computes with it."""
    with contextlib.ExitStack() as stack:
        try:
            sums = stack.enter_context((folder / SUMS).open("r+b"))
            fcntl.flock(sums, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            pass
        except OSError:
            return
        shutil.rmtree(folder, ignore_errors=True)


def _write(networks: Networks, partial: Path) -> None:
    for name, network in networks._asdict().items():
        if network is not None:
            ov.save_model(network, partial / f"{name}.xml", compress_to_fp16=False)
    (partial / SUMS).write_bytes(_sums(partial))
    for file in partial.iterdir():
        _flush(file)


def _put(partial: Path, folder: Path) -> None:
    """Give a folder its final name, unless another server was faster."""
    with contextlib.suppress(OSError):
        _checked_sums(folder)
        return
    damaged = Path(f"{partial}-damaged")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(damaged)
    # Some file systems can't flush folders.
    with contextlib.suppress(OSError):
        _flush(partial)
    partial.rename(folder)
    with contextlib.suppress(OSError):
        _flush(folder.parent)
    _remove(damaged)


def _flush(path: Path) -> None:
    """Write a file or folder to the disk itself, so that it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checked_sums(folder: Path) -> bytes:
    """Return the content of the file of sums, after checking all files against it.

    Raises:
        OSError: a file is missing, or has changed.
    """
    written = (folder / SUMS).read_bytes()
    found = _sums(folder)
    if found != written:
        changed = set(found.splitlines()) ^ set(written.splitlines())
        names = {line.split()[1].decode() for line in changed if len(line.split()) > 1}
        raise OSError(f"not as written: {', '.join(sorted(names)) or SUMS}")
    return written


def _sums(folder: Path) -> bytes:
    lines = []
    for file_name in (f"{name}.{ending}" for name in _names(folder) for ending in ("bin", "xml")):
        with (folder / file_name).open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {file_name}\n")
    return "".join(lines).encode()


def _names(folder: Path) -> list[str]:
    """Return the names of the networks that a folder has, or must have."""
    optional = Networks._field_defaults
    fields = Networks._fields
    return [name for name in fields if name not in optional or (folder / f"{name}.xml").exists()]
