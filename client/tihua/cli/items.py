"""`tihua items`: lists, shows, counts, puts and deletes items of a collection."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import click

import tihua
from tihua._printable import printable
from tihua.cli._command import Group
from tihua.cli._connection import ConnectionSettings
from tihua.cli._fields import Fields, asked_fields, field_values, fields_option
from tihua.cli._parameters import filter_option, metadata_option, params_option
from tihua.cli._printer import Column, Printer, Record, counted, json_option
from tihua.cli._stdin import PictureOption, with_stdin

_COLUMNS = (
    Column("id"),
    Column("uri", style="dim"),
    Column("metadata", style="dim"),
    Column("update_time", "updated", style="dim"),
)

_fields_option = fields_option("items")


@click.group(
    "items",
    cls=Group,
    examples=[
        "tihua items list --limit 20",
        "tihua items get cats/tom.jpg --json",
        "tihua items count --filter 'file_bytes > 1000000'",
        "tihua items delete cats/tom.jpg",
    ],
)
def command() -> None:
    """List, show, count, put and delete the items of a collection."""


@command.add(
    name="list",
    examples=[
        "tihua items list",
        "tihua items list --filter 'name like {start}' --param start=cat% --limit 50",
        "tihua items list --limit 0 --json > items.jsonl           # all of them",
    ],
)
@filter_option
@params_option
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    metavar="NUMBER",
    help="Most items to list; 0 lists all.",
)
@_fields_option
@json_option
@click.pass_obj
def list_items(
    connection: ConnectionSettings,
    *,
    expression: str,
    params: Sequence[tuple[str, object]],
    limit: int,
    fields: Fields,
    as_json: bool,
) -> None:
    """List items, sorted by id."""
    printer = Printer(as_json=as_json)
    with connection.client() as client:
        page_size = client.server_info().limits.max_page_size
        items = client.list_items(
            filter=expression,
            params=dict(params) or None,
            fields=fields,
            page_size=min(limit or page_size, page_size),
        )
        shown = islice(items, limit or None)
        printer.records((_record(item, fields) for item in shown), _columns(fields))


@command.add(
    name="get",
    examples=["tihua items get cats/tom.jpg", "tihua items get - --json < ids.txt"],
)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@_fields_option
@json_option
@click.pass_obj
def get_items(
    connection: ConnectionSettings,
    ids: Sequence[str],
    *,
    fields: Fields,
    as_json: bool,
) -> None:
    """Show items by id; if ID is -, ids are read from stdin, one per line.

    The exit status is 1 if one of them does not exist.
    """
    ids = with_stdin(ids)
    found: list[tihua.Item] = []
    with connection.client() as client:
        for page in _pages(client, ids):
            found += client.get_items(page, fields=fields)
    Printer(as_json=as_json).records((_record(item, fields) for item in found), _columns(fields))
    missing = dict.fromkeys(ids).keys() - {item.id for item in found}
    for item_id in ids:
        if item_id in missing:
            click.echo(f"Error: {printable(item_id)}: no such item", err=True)
    if missing:
        raise click.exceptions.Exit(1)


@command.add(
    name="count",
    examples=[
        "tihua items count",
        "tihua items count --filter 'year >= {since}' --param since=2020",
    ],
)
@filter_option
@params_option
@json_option
@click.pass_obj
def count_items(
    connection: ConnectionSettings,
    *,
    expression: str,
    params: Sequence[tuple[str, object]],
    as_json: bool,
) -> None:
    """Print the exact number of items, or of those that match."""
    with connection.client() as client:
        count = client.count_items(filter=expression, params=dict(params) or None)
    printer = Printer(as_json=as_json)
    if as_json:
        printer.record({"collection": connection.collection, "count": count})
    printer.line(str(count))


@command.add(
    name="put",
    examples=[
        "tihua items put tom --image tom.jpg --uri file:///photos/tom.jpg",
        "tihua items put qiusi-1 --text 枯藤老树昏鸦 --metadata author=马致远 --metadata line=1",
    ],
)
@click.argument("item_id", metavar="ID")
@click.option("--text", help="A text to embed.")
@click.option(
    "--image",
    type=PictureOption(),
    metavar="FILE",
    help="A picture to embed; - reads it from stdin.",
)
@click.option("--uri", help="Where the picture can be found.  [default: the path of --image]")
@metadata_option("the item")
@click.pass_obj
def put_item(
    connection: ConnectionSettings,
    item_id: str,
    *,
    text: str | None,
    image: Path | bytes | None,
    uri: str | None,
    metadata: Sequence[tuple[str, object]],
) -> None:
    """Put one item into the collection, replacing what is there under ID."""
    if (text is None) == (image is None):
        raise click.UsageError("give either --text or --image")
    if uri is None:
        uri = str(image.absolute()) if isinstance(image, Path) else ""
    item = tihua.Item(item_id, text=text, image=image, uri=uri, metadata=dict(metadata))
    with connection.client() as client:
        result = client.upsert([item])
    for error in result.errors:
        raise error.to_exception()
    click.echo(f"put {printable(item_id)} into {printable(connection.collection)}")


@command.add(
    name="delete",
    examples=[
        "tihua items delete cats/tom.jpg cats/felix.jpg",
        "tihua items delete --filter 'name like {start}' --param start=tmp%",
        "tihua items delete - < ids.txt",
    ],
)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@filter_option
@params_option
@click.option("--yes", "is_sure", is_flag=True, help="With --filter: delete without asking.")
@click.pass_obj
def delete_items(
    connection: ConnectionSettings,
    ids: Sequence[str],
    *,
    expression: str,
    params: Sequence[tuple[str, object]],
    is_sure: bool,
) -> None:
    """Delete items: those named by ID at once, those that match a filter after asking.

    If ID is -, ids are read from stdin, one per line. Deleting an id that does not exist is not an
    error.
    """
    if bool(ids) == bool(expression):
        raise click.UsageError("give either ids or --filter")
    with connection.client() as client:
        if ids:
            pages = _pages(client, with_stdin(ids))
            deleted = sum(client.delete_items(page) for page in pages)
        else:
            bound: Mapping[str, object] | None = dict(params) or None
            if not is_sure:
                count = client.count_items(filter=expression, params=bound)
                what = f"{counted(count, 'item')} of {printable(connection.collection)}"
                click.confirm(f"Delete {what}?", abort=True, err=True)
            deleted = client.delete_items(filter=expression, params=bound)
    click.echo(f"deleted {counted(deleted, 'item')}")


def _pages(client: tihua.Client, ids: Sequence[str]) -> Iterable[Sequence[str]]:
    """Split ids into pages within the server's limits."""
    limits = client.server_info().limits
    size = min(limits.max_page_size, limits.max_batch_items)
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _columns(fields: Fields) -> list[Column]:
    shown = asked_fields(fields)
    columns = [column for column in _COLUMNS if column.key == "id" or column.key in shown]
    return [*columns, Column("embedding", style="dim")] if "embedding" in shown else columns


def _record(item: tihua.Item, fields: Fields) -> Record:
    values = field_values(item)
    return {"id": item.id} | {field: values[field] for field in asked_fields(fields)}
