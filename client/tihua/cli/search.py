"""`tihua search`: the pictures nearest to a text, a picture, or an item."""

from collections.abc import Sequence
from pathlib import Path

import click

import tihua
from tihua.cli._answer import Answer, ask, exhibits_of, footer_of, print_answer
from tihua.cli._command import Command
from tihua.cli._connection import ConnectionSettings
from tihua.cli._fields import Fields, fields_option
from tihua.cli._parameters import count_pair, filter_option, params_option
from tihua.cli._printer import Printer, json_option
from tihua.cli._query import CommandQuery, Weights, command_queries
from tihua.cli._show import open_page, require_sheet, write_page, write_sheet
from tihua.cli._stdin import PictureOption

_WEIGHT = click.FloatRange(-100, 100)


@click.command(
    "search",
    cls=Command,
    examples=[
        "tihua search 枯藤老树昏鸦",
        "tihua search --image query.jpg --limit 20 --sheet hits.png",
        "curl -s $URL | tihua search --image -                     # a picture from elsewhere",
        "tihua search 雪地里 --image dog.jpg --text-weight 0.5     # text and picture together",
        "tihua search --item cats/tom.jpg --open                   # more like this one",
        "tihua search 小桥流水 --filter 'year >= {since}' --param since=2020",
        "tihua search 山水 --group-by artist                       # the best of each artist",
        "tihua search - --sheet poem.png < poem.txt                # one query per line",
    ],
)
@click.argument("text", required=False)
@click.option(
    "--image",
    type=PictureOption(),
    metavar="FILE",
    help="A picture to search by; - reads it from stdin (named stdin on sheets and pages).",
)
@click.option("--item", "item_id", metavar="ID", help="An item of the collection to search by.")
@click.option("--text-weight", type=_WEIGHT, metavar="NUMBER", help="Weight of TEXT.  [default: 1]")
@click.option(
    "--image-weight",
    type=_WEIGHT,
    metavar="NUMBER",
    help="Weight of --image; negative: away from it.  [default: 1]",
)
@click.option(
    "--item-weight", type=_WEIGHT, metavar="NUMBER", help="Weight of --item.  [default: 1]"
)
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    default=10,
    show_default=True,
    help="Most hits to return.",
)
@filter_option
@params_option
@click.option(
    "--min-score",
    type=click.FloatRange(-1, 1),
    metavar="NUMBER",
    help="Leave out hits with a lower score (the cosine).",
)
@click.option(
    "--group-by",
    default="",
    metavar="KEY",
    help="Only the best hit for each value of this metadata key, or of uri; items without it are "
    "not grouped.",
)
@click.option(
    "--group-size",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    help="Hits per group.  [default: 1]",
)
@click.option(
    "--index-param",
    "index_params",
    type=count_pair,
    metavar="NAME=NUMBER",
    multiple=True,
    help="Search parameter of the index: nprobe=32 (IVF_FLAT), ef=64 (HNSW).",
)
@fields_option("hits")
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Draw the hits as one contact sheet, at most 100 megapixels (some 50 queries of 10 hits): "
    ".png, or another format by the suffix.",
)
@click.option(
    "--page",
    "page_path",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the hits as an HTML page.",
)
@click.option(
    "--open",
    "is_opened",
    is_flag=True,
    help="Open the page in the browser; a temporary one without --page. A sandboxed browser may "
    "see only your home folder: give it a --page there.",
)
@json_option
@click.pass_obj
def command(
    connection: ConnectionSettings,
    text: str | None,
    *,
    image: Path | bytes | None,
    item_id: str | None,
    text_weight: float | None,
    image_weight: float | None,
    item_weight: float | None,
    limit: int,
    expression: str,
    params: Sequence[tuple[str, object]],
    min_score: float | None,
    group_by: str,
    group_size: int | None,
    index_params: Sequence[tuple[str, int]],
    fields: Fields,
    sheet: Path | None,
    page_path: Path | None,
    is_opened: bool,
    as_json: bool,
) -> None:
    """Find pictures by text, by picture, or by an item of the collection.

    TEXT, --image and --item given together make one query, their weighted sum. If TEXT is -,
    queries are read from stdin, one per line; a sheet or page then shows them all.

    Pictures of a sheet or page are read from the items' uri where it is a local path or a file:
    URL; nothing is ever fetched.
    """
    if sheet is not None:
        require_sheet(sheet)
    weights = Weights(text_weight, image_weight, item_weight)
    queries = command_queries(text, image, item_id, weights)
    is_shown = sheet is not None or page_path is not None or is_opened
    carried = fields
    if is_shown and fields is not None:
        carried = tuple({*fields, "uri", "metadata"})

    def request(query: CommandQuery) -> tihua.Query:
        return tihua.Query(
            terms=query.terms(),
            limit=limit,
            filter=expression,
            params=dict(params) or None,
            min_score=min_score,
            fields=carried,
            index_params=dict(index_params) or None,
            group_by=group_by,
            group_size=group_size,
        )

    printer = Printer(as_json=as_json)
    answers: list[Answer] = []
    has_failed = False
    with connection.client() as client:
        for number, answer in enumerate(ask(client, queries, request, limit)):
            if number:
                printer.line()
            print_answer(printer, answer, fields, is_grouped=bool(group_by))
            has_failed |= isinstance(answer.result, tihua.TihuaError)
            if is_shown:
                answers.append(answer)
        exhibits = exhibits_of(client, answers) if is_shown else []
    if exhibits:
        footer = footer_of(connection.collection, answers)
        if page_path is not None or is_opened:
            path = write_page(page_path, exhibits, footer)
            click.echo(f"wrote {click.format_filename(path)}", err=True)
            if is_opened:
                open_page(path)
        if sheet is not None:  # after the page, which has no limit of size
            write_sheet(sheet, exhibits, footer)
            click.echo(f"drew {click.format_filename(sheet)}", err=True)
    if has_failed:
        raise click.exceptions.Exit(1)
