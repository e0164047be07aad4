"""Checks the `--metadata` of every picture of a folder, before the first one is sent."""

import json
from collections.abc import Mapping, Sequence

import click

import tihua
from tihua._convert_metadata import metadata_dict, metadata_struct
from tihua._folder import OWN_METADATA
from tihua._reserved_keys import is_reserved


def folder_metadata(pairs: Sequence[tuple[str, object]]) -> Mapping[str, object]:
    """Return metadata by name, as the server will store it.

    Raises:
        click.ClickException: a name is reserved, or one that every file has.
        InvalidRequestError: a value can't be stored.
    """
    for name, _ in pairs:
        if name in OWN_METADATA:
            raise click.ClickException(
                f"--metadata {name} is the file's own: give the value another name"
            )
        if is_reserved(name):
            raise click.ClickException(
                f"--metadata {name} is reserved: give the value another name"
            )
    return metadata_dict(metadata_struct(dict(pairs), "--metadata"))


def check_size(metadata: Mapping[str, object], limits: tihua.Limits) -> None:
    """Check the size of a folder's metadata; a picture's own adds less than a kilobyte.

    Raises:
        click.ClickException: it is larger than the server's limit.
    """
    size = len(json.dumps(metadata, ensure_ascii=False).encode())
    if size > limits.max_metadata_bytes:
        raise click.ClickException(
            f"--metadata is {size} bytes as JSON; the server's limit is {limits.max_metadata_bytes}"
        )
