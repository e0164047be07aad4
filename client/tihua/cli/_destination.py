"""The collection that a folder is ingested into, created if there is none."""

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
    """Return the collection; index, parameters and shards apply only to a new one.

    Args:
        client: a client of the server.
        name: the name of the collection.
        index: the type of the index; None means AUTOINDEX.
        index_params: the parameters of the index.
        shards: the number of shards; None means 1.
        model: the id of the model; empty or None means the first that the server serves.

    Raises:
        click.ClickException: it is released from memory, or has another model.
    """
    try:
        collection = client.get_collection(name)
    except tihua.NotFoundError:
        with contextlib.suppress(tihua.AlreadyExistsError):  # another client created it first
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
        raise click.ClickException(
            f"the collection {printable(name)} is released from memory; first: {command}"
        )
    if model and model != collection.model.id:
        raise click.ClickException(
            f"the collection {printable(name)} was made with {collection.model.id}; for {model} "
            "choose another --collection, or reindex this one: tihua collections reindex --help"
        )
    if index or index_params or shards:
        click.echo(
            f"collection {printable(name)} already exists: --index, --index-param and --shards are "
            "ignored",
            err=True,
        )
    return collection
