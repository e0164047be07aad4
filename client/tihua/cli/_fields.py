"""The fields of a hit or an item besides its id: how to ask for them and print them."""

from array import array
from collections.abc import Callable, Mapping
from typing import TypeAlias

import click

import tihua
from tihua.cli._parameters import Decorated
from tihua.cli._printer import numbers

Fields: TypeAlias = tuple[tihua.Field, ...] | None
"""The fields that were asked for; None means the server's default."""


def field_list(value: str) -> tuple[tihua.Field, ...]:
    """Parse the fields to return besides the id, separated by commas: `uri,metadata`.

    Raises:
        click.BadParameter: there is no such field.
    """
    fields: list[tihua.Field] = []
    for name in value.split(","):
        match name.strip():
            case "uri" | "metadata" | "embedding" | "update_time" as field:
                fields.append(field)
            case "id":  # always returned
                pass
            case other:
                raise click.BadParameter(
                    f"{other!r} is not a field; use id, uri, metadata, embedding or update_time"
                )
    return tuple(fields)


def fields_option(carriers: str) -> Callable[[Decorated], Decorated]:
    """Return the option for the fields of hits or items."""
    return click.option(
        "--fields",
        type=field_list,
        metavar="FIELD,…",
        help=f"Fields of {carriers} to return: uri, metadata, embedding, update_time; or only id.",
    )


def asked_fields(fields: Fields) -> tuple[tihua.Field, ...]:
    """Return the fields that were asked for, or the server's default."""
    return ("uri", "metadata") if fields is None else fields


def field_values(carrier: tihua.Hit | tihua.Item) -> Mapping[tihua.Field, object]:
    """Return the fields as JSON values by name, for printing; None for a field that is missing."""
    embedding, updated = carrier.embedding, carrier.update_time
    return {
        "uri": carrier.uri,
        "metadata": dict(sorted(carrier.metadata.items())),
        "embedding": numbers(embedding) if isinstance(embedding, array) else None,
        "update_time": None if updated is None else updated.isoformat(),
    }
