"""Command lines of tihua's in this process."""

from pathlib import Path

from click.testing import CliRunner, Result
from tihua.cli import root


class Tihua:
    """Runs a command line against a server: `tihua("search", "猫")`."""

    def __init__(self, address: str) -> None:
        """Take the address of the server."""
        self._address = address

    def __call__(self, *arguments: str | Path, stdin: str | bytes | None = None) -> Result:
        """Return what it printed, and how it ended."""
        line = ["--address", self._address, *map(str, arguments)]
        return CliRunner().invoke(root, line, input=stdin, prog_name="tihua")
