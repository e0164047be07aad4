"""Types of `tihua-server`'s options: paths, models, and options of serving alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from tihua_server.config import MODEL_NAMES, NamedModel


class HomePath(click.Path):
    """A path in which `~` is the home directory: shells do not expand `--data-dir=~/tihua`."""

    def __init__(self, **bounds: bool) -> None:
        super().__init__(path_type=Path, **bounds)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        return super().convert(_expanded(value), param, ctx)


class ServingOption(click.Option):
    """An option of serving: before a subcommand it is refused, and its variable is not read."""

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Parse the option, unless a subcommand follows."""
        if not args:
            return super().handle_parse_result(ctx, opts, args)
        if self.name in opts and not ctx.resilient_parsing:
            raise click.UsageError(
                f"{self.opts[0]} goes with serving, not with {args[0]}; options of {args[0]} come "
                "after it",
                ctx,
            )
        return None, args


def named_model(value: str) -> NamedModel:
    """Parse `[ID:]NAME[=CHECKPOINT]`, for example `mine:RN50=a.pt`.

    Raises:
        click.BadParameter: there is no model of that name.
    """
    called, _, path = value.partition("=")
    own_id, colon, name = called.rpartition(":")
    if name not in MODEL_NAMES:
        raise click.BadParameter(
            f"{name!r} is not one of {', '.join(MODEL_NAMES)}; say [ID:]NAME[=CHECKPOINT]"
        )
    return NamedModel(own_id if colon else name, name, _expanded(path) if path else None)


def _expanded(path: str | Path) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise click.BadParameter(f"{path}: there is no such user") from error
