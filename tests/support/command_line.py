"""Runs the `tihua` command in this process."""

from pathlib import Path

from click.testing import CliRunner, Result
from tihua.cli import root


class Tihua:
    """Runs a command line against a server: `tihua("search", "猫")`."""

    def __init__(self, address: str) -> None:
        """Run commands against the server at `address`."""
        self.address = address

    def __call__(self, *arguments: str | Path, stdin: str | bytes | None = None) -> Result:
        """Return the output and the exit status."""
        line = ["--address", self.address, *map(str, arguments)]
        return CliRunner().invoke(root, line, input=stdin, prog_name="tihua")
