"""`tihua collections`: lists, creates, changes and deletes collections."""

import click

import tihua
from tihua._printable import printable
from tihua.cli._build_index import build_index
from tihua.cli._collection_record import COLLECTION_COLUMNS, collection_record
from tihua.cli._command import Group
from tihua.cli._connection import ConnectionSettings
from tihua.cli._copy import copy
from tihua.cli._parameters import index_option, index_params_option, model_option
from tihua.cli._printer import Printer, counted, json_option
from tihua.cli._reindex import reindex


@click.group(
    "collections",
    cls=Group,
    examples=[
        "tihua collections list",
        "tihua collections create paintings --index IVF_FLAT --index-param nlist=512",
        "tihua collections alias paintings paintings_2",
        "tihua collections delete paintings_1",
    ],
)
def command() -> None:
    """Create, show, name, reindex, copy, load, release and delete collections."""


@command.add(name="list", examples=["tihua collections list", "tihua collections list --json"])
@json_option
@click.pass_obj
def list_collections(connection: ConnectionSettings, *, as_json: bool) -> None:
    """List all collections."""
    with connection.client() as client:
        collections = client.list_collections()
    printer = Printer(as_json=as_json)
    printer.records([collection_record(each) for each in collections], COLLECTION_COLUMNS)
    if not collections:
        printer.line("no collections")


@command.add(
    name="create",
    examples=[
        "tihua collections create paintings",
        "tihua collections create paintings --index HNSW --index-param M=32 --shards 2",
        "tihua collections create paintings --description 宋元山水 --model ViT-B-16",
    ],
)
@click.argument("name")
@index_option(default="AUTOINDEX", text="Type of the index.  [default: AUTOINDEX]")
@index_params_option
@click.option(
    "--shards",
    type=click.IntRange(1, 16),
    metavar="NUMBER",
    default=1,
    show_default=True,
    help="Number of shards.",
)
@click.option("--description", default="", metavar="TEXT", help="One line for people.")
@model_option
@json_option
@click.pass_obj
def create_collection(
    connection: ConnectionSettings,
    name: str,
    *,
    index: tihua.IndexName,
    index_params: tuple[tuple[str, int], ...],
    shards: int,
    description: str,
    model: str,
    as_json: bool,
) -> None:
    """Create an empty collection, bound to a model of the server."""
    with connection.client() as client:
        collection = client.create_collection(
            name,
            index=index,
            index_params=dict(index_params),
            shards=shards,
            description=description,
            model=model,
        )
    Printer(as_json=as_json).record(collection_record(collection))


@command.add(
    name="show",
    examples=["tihua collections show", "tihua collections show paintings --json"],
)
@click.argument("name", required=False)
@json_option
@click.pass_obj
def show_collection(connection: ConnectionSettings, name: str | None, *, as_json: bool) -> None:
    """Show one collection.

    NAME defaults to the one of --collection.
    """
    with connection.client() as client:
        collection = client.get_collection(name)
    Printer(as_json=as_json).record(collection_record(collection))


@command.add(
    name="delete",
    examples=["tihua collections delete paintings", "tihua collections delete paintings --yes"],
)
@click.argument("name")
@click.option("--yes", "is_sure", is_flag=True, help="Delete without asking.")
@click.pass_obj
def delete_collection(connection: ConnectionSettings, name: str, *, is_sure: bool) -> None:
    """Delete the collection NAME and all its items, for good."""
    with connection.client() as client:
        collection = client.get_collection(name)
        count = collection.item_count
        # The server refuses to delete a collection with aliases.
        if not (is_sure or collection.aliases):
            question = f"Delete {printable(name)} and its {counted(count, 'item')} for good?"
            click.confirm(question, abort=True, err=True)
        client.delete_collection(name)
    click.echo(f"deleted {printable(name)} and its {counted(count, 'item')}")


@command.add(
    name="rename",
    examples=[
        "tihua collections rename paintings song_paintings",
        "tihua collections rename paintings paintings_1 --keep-alias",
    ],
)
@click.argument("name")
@click.argument("new_name")
@click.option("--keep-alias", is_flag=True, help="Keep the old name as an alias.")
@click.pass_obj
def rename_collection(
    connection: ConnectionSettings, name: str, new_name: str, *, keep_alias: bool
) -> None:
    """Rename the collection NAME to NEW_NAME.

    With --keep-alias the old name keeps working, except for some 10 ms on a Milvus server, which
    searches wait out.
    """
    with connection.client() as client:
        client.rename_collection(name, new_name, keep_alias=keep_alias)
    click.echo(f"renamed {printable(name)} to {printable(new_name)}")


@command.add(
    name="alias",
    examples=[
        "tihua collections alias paintings paintings_2",
        "tihua search 夕阳西下 --collection paintings",
    ],
)
@click.argument("alias")
@click.argument("target", metavar="COLLECTION")
@click.pass_obj
def set_alias(connection: ConnectionSettings, alias: str, target: str) -> None:
    """Point the alias ALIAS to COLLECTION.

    An alias stands for its collection everywhere. An existing one is moved in one step: a
    search always finds either the old or the new collection.
    """
    with connection.client() as client:
        move = client.set_alias(alias, target)
        name = client.get_collection(alias).name
    is_moved = move.previous not in {"", name}
    before = f", and no longer to {printable(move.previous)}" if is_moved else ""
    click.echo(f"{printable(alias)} leads to {printable(name)}{before}")


@command.add(name="unalias", examples=["tihua collections unalias paintings"])
@click.argument("alias")
@click.pass_obj
def delete_alias(connection: ConnectionSettings, alias: str) -> None:
    """Delete the name ALIAS; the collection stays."""
    with connection.client() as client:
        client.delete_alias(alias)
    click.echo(f"deleted the alias {printable(alias)}")


@command.add(name="load", examples=["tihua collections load", "tihua collections load paintings"])
@click.argument("name", required=False)
@click.pass_obj
def load_collection(connection: ConnectionSettings, name: str | None) -> None:
    """Load a collection, so that it can be searched.

    NAME defaults to the one of --collection.
    """
    with connection.client() as client:
        client.load_collection(name)
    click.echo(f"loaded {printable(name or connection.collection)}")


@command.add(
    name="release", examples=["tihua collections release", "tihua collections release paintings"]
)
@click.argument("name", required=False)
@click.pass_obj
def release_collection(connection: ConnectionSettings, name: str | None) -> None:
    """Release a collection from the store's memory.

    NAME defaults to the one of --collection. Its items stay; it can't be searched until it is
    loaded again.
    """
    with connection.client() as client:
        client.release_collection(name)
    click.echo(f"released {printable(name or connection.collection)}")


command.add_command(build_index)
command.add_command(reindex)
command.add_command(copy)
