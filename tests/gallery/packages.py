"""Pinned packages of Debian, npm and PyPI, and the files in them.

Needs `apt-get`, `dpkg-deb` and `npm`.
"""

import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Package:
    """One pinned package: `registry` is `debian`, `npm` or `pypi`, `file` its file name there."""

    name: str
    registry: str
    version: str
    file: str
    sha256: str


def fetch(package: Package, folder: Path) -> Path:
    """Return the package's file in `folder`, downloading it if necessary.

    Raises:
        ValueError: the file's hash is not the pinned one.
        subprocess.CalledProcessError: the registry's client failed; it has printed why.
    """
    path = folder / package.file
    if not path.exists():
        client, sign = {
            "debian": (["apt-get", "download", "-qq"], "="),
            "npm": (["npm", "pack", "--silent"], "@"),
            "pypi": ([sys.executable, "-m", "pip", "download", "-q", "--no-deps"], "=="),
        }[package.registry]
        pinned = f"{package.name}{sign}{package.version}"
        subprocess.run([*client, pinned], cwd=folder, check=True)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise ValueError(
            f"{package.file} has sha256 {found}, but packages.tsv pins {package.sha256}: "
            "delete the file to download it again, or look at the new version and pin that"
        )
    return path


def members_of_package(archive: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """Return the wanted files of a .deb, .tgz or .whl, by their path in it."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wanted}
    content = archive.read_bytes()
    if archive.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
        content = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    members = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for member in tar:
            name = member.name.removeprefix("./").removeprefix("package/")
            if name in wanted and (file := tar.extractfile(member)):
                members[name] = file.read()
    return members
