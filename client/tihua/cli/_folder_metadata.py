"""What `--metadata` gives every picture of a folder: refused before the first one is sent."""

import json
from collections.abc import Mapping, Sequence

import click

import tihua
from tihua._convert_metadata import metadata_dict, metadata_struct
from tihua._folder import OWN_METADATA
from tihua._reserved_keys import is_reserved


def folder_metadata(pairs: Sequence[tuple[str, object]]) -> Mapping[str, object]:
    """Return metadata by name, as the server will have it.

    Raises:
        click.ClickException: a name is reserved, or one of those that every file has.
        InvalidRequestError: a value can't be stored.
    """
    for name, _ in pairs:
        if name in OWN_METADATA:
            message = f"--metadata {name} is the file's own: give the value another name"
            raise click.ClickException(message)
        if is_reserved(name):
            raise click.ClickException(
                f"--metadata {name} is reserved: give the value another name"
            )
    return metadata_dict(metadata_struct(dict(pairs), "--metadata"))


def check_size(metadata: Mapping[str, object], limits: tihua.Limits) -> None:
    """Check what goes with every picture, which adds less than a kilobyte of its own.

    Raises:
        click.ClickException: it is larger than the server takes.
    """
    size = len(json.dumps(metadata, ensure_ascii=False).encode())
    if size > limits.max_metadata_bytes:
        raise click.ClickException(
            f"--metadata is {size} bytes as JSON; the server's limit is {limits.max_metadata_bytes}"
        )
