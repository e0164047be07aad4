"""What a hit or an item carries beside its id: asked for, and printed."""

from array import array
from collections.abc import Callable, Mapping
from typing import TypeAlias

import click

import tihua
from tihua.cli._parameters import Decorated
from tihua.cli._printer import numbers

Fields: TypeAlias = tuple[tihua.Field, ...] | None
"""Those that were asked for; None is what the server gives by itself."""


def field_list(value: str) -> tuple[tihua.Field, ...]:
    """Return what an item shall carry beside its id, separated by commas: `uri,metadata`.

    Raises:
        click.BadParameter: there is no such field.
    """
    fields: list[tihua.Field] = []
    for name in value.split(","):
        match name.strip():
            case "uri" | "metadata" | "embedding" | "update_time" as field:
                fields.append(field)
            case "id":  # is always there
                pass
            case other:
                message = (
                    f"{other!r} is not a field; use id, uri, metadata, embedding or update_time"
                )
                raise click.BadParameter(message)
    return tuple(fields)


def fields_option(carriers: str) -> Callable[[Decorated], Decorated]:
    """Return the option that says what hits, or items, carry."""
    return click.option(
        "--fields",
        type=field_list,
        metavar="FIELD,…",
        help=f"What {carriers} carry: uri, metadata, embedding, update_time, or id alone.",
    )


def asked_fields(fields: Fields) -> tuple[tihua.Field, ...]:
    """Return what was asked for, or what the server gives by itself."""
    return ("uri", "metadata") if fields is None else fields


def field_values(carrier: tihua.Hit | tihua.Item) -> Mapping[tihua.Field, object]:
    """Return each field as it is printed, JSON values by name; None for what is not there."""
    embedding, updated = carrier.embedding, carrier.update_time
    return {
        "uri": carrier.uri,
        "metadata": dict(sorted(carrier.metadata.items())),
        "embedding": numbers(embedding) if isinstance(embedding, array) else None,
        "update_time": None if updated is None else updated.isoformat(),
    }
