"""The collection that a folder goes into, made if there is none."""

import contextlib

import click

import tihua
from tihua._printable import printable


def destination(
    client: tihua.Client,
    name: str,
    index: tihua.IndexName | None,
    index_params: dict[str, int],
    shards: int | None,
    model: str | None,
) -> tihua.Collection:
    """Return the collection; what it should be like holds for a new one only.

    Args:
        client: of its server.
        name: of the collection.
        index: None means AUTOINDEX.
        index_params: of the index.
        shards: None means 1.
        model: the id of the model; empty or None means the first that the server serves.

    Raises:
        click.ClickException: it is released from memory, or of another model.
    """
    try:
        collection = client.get_collection(name)
    except tihua.NotFoundError:
        with contextlib.suppress(tihua.AlreadyExistsError):  # somebody else was quicker
            return client.create_collection(
                name,
                index=index or "AUTOINDEX",
                index_params=index_params,
                shards=shards or 1,
                model=model or "",
            )
        collection = client.get_collection(name)
    if collection.load_state == "released":
        command = printable(f"tihua collections load {name}")
        message = f"the collection {printable(name)} is released from memory; first: {command}"
        raise click.ClickException(message)
    if model and model != collection.model.id:
        message = (
            f"the collection {printable(name)} was made with {collection.model.id}; for {model} "
            "choose another --collection, or reindex this one: tihua collections reindex --help"
        )
        raise click.ClickException(message)
    if index or index_params or shards:
        click.echo(
            f"{printable(name)} is there already: --index, --index-param and --shards change "
            "nothing",
            err=True,
        )
    return collection
