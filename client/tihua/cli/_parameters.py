"""Options that several commands share, and the parsing of their values."""

import json
import math
from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click

import tihua
from tihua._extras import SHEET

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


preprocess_option = click.option(
    "--preprocess",
    type=click.Choice(("server", "client")),
    default="server",
    metavar="server|client",
    help="Where pictures are decoded and resized.  [default: server]",
)

model_option = click.option(
    "--model",
    default="",
    metavar="NAME",
    help="A model that the server serves.  [default: its first]",
)


def require_pillow() -> None:
    """Check that --preprocess client can work.

    Raises:
        click.ClickException: Pillow is not installed.
    """
    from tihua._preprocess import require_pillow as require

    try:
        require()
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"--preprocess client needs Pillow; install it with: {SHEET}"
        ) from error


def json_pair(value: str) -> tuple[str, object]:
    """Return name and value of `name=value`, the value as JSON, or as text if it is not JSON.

    `year=1984` has a number, `place=苏州` a text.

    Raises:
        click.BadParameter: there is no name or no equals sign.
    """
    name, text = _pair(value)
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError:
        return name, text
    if isinstance(parsed, float) and not math.isfinite(parsed):  # Python's parser accepts NaN
        return name, text
    return name, parsed


def count_pair(value: str) -> tuple[str, int]:
    """Return name and value of `name=value`, the value a whole number: `nlist=512`.

    Raises:
        click.BadParameter: it is not of that form.
    """
    name, text = _pair(value)
    if not (text.isascii() and text.isdigit()):
        raise click.BadParameter(f"{text!r} of {name!r} is not a whole number of 0 or more")
    return name, int(text)


filter_option = click.option(
    "--filter",
    "expression",
    default="",
    metavar="EXPR",
    help="Only items that match this Milvus expression over id, uri and metadata keys, such as "
    'artist == "范宽"; write a key with spaces, punctuation or a leading digit as '
    '$meta["shot on"].',
)

params_option = click.option(
    "--param",
    "params",
    type=json_pair,
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of {name} in the filter.",
)

index_params_option = click.option(
    "--index-param",
    "index_params",
    type=count_pair,
    metavar="NAME=NUMBER",
    multiple=True,
    help="Parameter of the index: nlist (IVF_FLAT), M, efConstruction (HNSW).",
)


def metadata_option(whose: str) -> Callable[[Decorated], Decorated]:
    """Return the option for metadata; `whose` is for its help."""
    return click.option(
        "--metadata",
        type=json_pair,
        metavar="NAME=VALUE",
        multiple=True,
        help=f"Metadata of {whose}; the value as JSON, or else as text. Repeatable.",
    )


def index_option(*, default: tihua.IndexName | None, text: str) -> Callable[[Decorated], Decorated]:
    """Return the option for the type of index; `text` is its help."""
    names: tuple[str, ...] = get_args(tihua.IndexName)
    return click.option(
        "--index",
        type=click.Choice(names, case_sensitive=False),
        metavar="|".join(names),
        default=default,
        help=text,
    )


def _pair(value: str) -> tuple[str, str]:
    name, equals, text = value.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"{value!r} is not of the form name=value")
    return name, text
