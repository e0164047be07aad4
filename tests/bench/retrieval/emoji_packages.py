"""The npm packages that the emoji tasks read, fetched with npm if they are missing."""

import shutil
import subprocess
from pathlib import Path

PACKAGES = (
    "emojibase-data@17.0.0",
    "emoji-datasource-google@16.0.0",
    "@lobehub/fluent-emoji-3d@1.1.0",
)
"""Chinese names (Unicode CLDR), Noto and Fluent 3D, in the versions of the model card."""

TIMEOUT_S = 600


class PackagesMissing(Exception):
    """The packages are missing and could not be fetched; the message says what to do."""


def require_packages(node_modules: Path) -> None:
    """Fetch the packages into a folder named `node_modules`, unless they are there.

    Raises:
        PackagesMissing: there is no npm, or it failed.
    """
    folders = [node_modules / package.rpartition("@")[0] for package in PACKAGES]
    if all((folder / "package.json").exists() for folder in folders):
        return
    prefix = node_modules.parent
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save"]
    command += ["--prefix", str(prefix), *PACKAGES]
    by_hand = f"run `{' '.join(command)}`"
    npm = shutil.which("npm")
    if npm is None:
        raise PackagesMissing(f"{node_modules} lacks the emoji and there is no npm: {by_hand}")
    prefix.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            [npm, *command[1:]], check=True, timeout=TIMEOUT_S, stdout=subprocess.DEVNULL
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise PackagesMissing(f"npm could not fetch the emoji ({error}): {by_hand}") from error
