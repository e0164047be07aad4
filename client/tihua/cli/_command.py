"""Commands with examples, which also accept the options of the connection after their name."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from tihua.cli._connection import connection_options

EXIT_INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as in shells."""


class Command(click.Command):
    """A command whose help ends with examples.

    Attributes:
        examples: command lines as a user would type them.
    """

    def __init__(self, *args: Any, examples: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.params.extend(connection_options(hidden=True))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_examples(self.examples, formatter)


class Group(click.Group):
    """A group whose help ends with examples; its commands may be in modules not yet imported.

    Attributes:
        examples: command lines as a user would type them.
        lazy: for each command not yet imported, its line in the list of commands. The command `x`
            is the attribute `command` of the module `tihua.cli.x`.
    """

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str],
        lazy: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order in which they were given."""
        return [*self.lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing it if need be; None if there is none of that name."""
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        command = importlib.import_module(f"tihua.cli.{cmd_name}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"tihua.cli.{cmd_name}.command is not a command. This is a bug.")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, without importing any."""
        rows = list(self.lazy.items())
        rows += [(name, command.get_short_help_str(80)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_examples(self.examples, formatter)

    def add(
        self, *, name: str | None = None, examples: Sequence[str]
    ) -> Callable[[Callable[..., Any]], click.Command]:
        """Return a decorator that makes a function a command of this group."""
        return self.command(name, cls=Command, examples=examples)


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write a section of command lines, without wrapping them."""
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
