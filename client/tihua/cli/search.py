"""`tihua search`: the pictures nearest to a text, a picture, or an item."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

import tihua
from tihua._exhibit import Exhibit, exhibit, local_path
from tihua._printable import json_line, one_line
from tihua._types import Field
from tihua.cli._calls import calls
from tihua.cli._command import Command
from tihua.cli._connection import Connection
from tihua.cli._error_line import told
from tihua.cli._parameters import count_pair, field_list, json_pair, with_stdin
from tihua.cli._printer import Column, Printer, Record, counted, json_option, numbers, shown
from tihua.cli._query import SpokenQuery, Weights
from tihua.cli._show import open_page, require_sheet, write_page, write_sheet


def _group(value: object) -> str:
    """Return a value as it is in metadata: a year is 1990, and not 1 990."""
    return shown(value if value is None or isinstance(value, str) else json_line(value))


_COLUMNS = (
    Column("rank", "#", "right", "dim"),
    Column("score", justify="right", style="cyan"),
    Column("id"),
    Column("group", show=_group),
    Column("uri", style="dim"),
)

_WEIGHT = click.FloatRange(-100, 100)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of one query."""

    query: SpokenQuery
    result: tihua.SearchResult | tihua.TihuaError


@click.command(
    "search",
    cls=Command,
    examples=[
        "tihua search 枯藤老树昏鸦",
        "tihua search --image query.jpg --limit 20 --sheet hits.png",
        "tihua search 雪地里 --image dog.jpg --text-weight 0.5     # text and picture together",
        "tihua search --item cats/tom.jpg --open                   # more like this one",
        "tihua search 小桥流水 --filter 'year >= {since}' --param since=2020",
        "tihua search 山水 --group-by artist                       # the best picture of each",
        "tihua search - --sheet poem.png < poem.txt                # a query a line",
    ],
)
@click.argument("text", required=False)
@click.option(
    "--image",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A picture to search by.",
)
@click.option("--item", "item_id", metavar="ID", help="An item of the collection to search by.")
@click.option("--text-weight", type=_WEIGHT, help="Weight of TEXT in a composed query.")
@click.option("--image-weight", type=_WEIGHT, help="Weight of --image; negative pushes away.")
@click.option("--item-weight", type=_WEIGHT, help="Weight of --item.  [default of each: 1]")
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Hits at most."
)
@click.option(
    "--filter",
    "expression",
    default="",
    metavar="EXPR",
    help="Only items that match this Milvus expression over id, uri and metadata.",
)
@click.option(
    "--param",
    "params",
    type=json_pair,
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of {name} in the filter.",
)
@click.option("--min-score", type=click.FloatRange(-1, 1), help="Leave out hits below it.")
@click.option(
    "--group-by",
    default="",
    metavar="KEY",
    help="Only the best hit of each value of this metadata key, or of uri.",
)
@click.option("--group-size", type=click.IntRange(min=1), help="The best so many.  [default: 1]")
@click.option(
    "--index-param",
    "index_params",
    type=count_pair,
    metavar="NAME=NUMBER",
    multiple=True,
    help="Search parameter of the index: nprobe=32 (IVF_FLAT), ef=64 (HNSW).",
)
@click.option(
    "--fields",
    type=field_list,
    metavar="FIELD,…",
    help="What hits carry: uri, metadata, embedding, update_time, or id alone.",
)
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Draw the hits as one contact sheet, a PNG.",
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
    connection: Connection,
    text: str | None,
    *,
    image: Path | None,
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
    fields: tuple[Field, ...] | None,
    sheet: Path | None,
    page_path: Path | None,
    is_opened: bool,
    as_json: bool,
) -> None:
    """Find pictures by text, by picture, or by an item of the collection.

    TEXT, --image and --item given together make one query, their weighted sum. As TEXT, - reads
    queries from stdin, one a line; a sheet or page then shows them all.

    Pictures of a sheet or page are read from the items' uri where it is a local path or a file:
    URL; nothing is ever fetched.
    """
    if sheet is not None:
        require_sheet()
    weights = Weights(text_weight, image_weight, item_weight)
    _require_weighted(text, image, item_id, weights)
    queries = _queries(text, image, item_id, weights)
    is_shown = sheet is not None or page_path is not None or is_opened
    if is_shown and fields is not None:
        fields = tuple({*fields, "uri", "metadata"})

    def request(query: SpokenQuery) -> tihua.Query:
        return tihua.Query(
            terms=query.terms(),
            limit=limit,
            filter=expression,
            params=dict(params) or None,
            min_score=min_score,
            fields=fields,
            index_params=dict(index_params) or None,
            group_by=group_by,
            group_size=group_size,
        )

    printer = Printer(as_json=as_json)
    answers: list[_Answer] = []
    with connection.client() as client:
        for answer in _ask(client, queries, request):
            if answers:
                printer.line()
            _print(printer, answer, fields, is_grouped=bool(group_by))
            answers.append(answer)
        exhibits = _exhibits(client, answers) if is_shown else []
    if exhibits:
        footer = _footer(connection, answers)
        if sheet is not None:
            write_sheet(sheet, exhibits, footer)
            click.echo(f"drew {click.format_filename(sheet)}", err=True)
        if page_path is not None or is_opened:
            path = write_page(page_path, exhibits, footer)
            click.echo(f"wrote {click.format_filename(path)}", err=True)
            if is_opened:
                open_page(path)
    if any(isinstance(answer.result, tihua.TihuaError) for answer in answers):
        raise click.exceptions.Exit(1)


def _require_weighted(
    text: str | None, image: Path | None, item_id: str | None, weights: Weights
) -> None:
    """Refuse the weight of what is not in the query: it would count for nothing.

    Raises:
        click.UsageError: there is such a weight.
    """
    for weight, option, part, name in (
        (weights.text, "--text-weight", text, "TEXT"),
        (weights.image, "--image-weight", image, "--image"),
        (weights.item, "--item-weight", item_id, "--item"),
    ):
        if weight is not None and part is None:
            message = f"{option} {weight:g} is of no use without {name}: give both, or neither"
            raise click.UsageError(message)


def _queries(
    text: str | None, image: Path | None, item_id: str | None, weights: Weights
) -> list[SpokenQuery]:
    if text == "-":
        texts = with_stdin(["-"])
        if not texts:
            message = "stdin has no query: give one a line"
            raise click.UsageError(message)
        return [SpokenQuery(line, image, item_id, weights) for line in texts]
    if text is None and image is None and item_id is None:
        message = "nothing to search for: give TEXT, --image or --item (see tihua search --help)"
        raise click.UsageError(message)
    return [SpokenQuery(text, image, item_id, weights)]


def _ask(
    client: tihua.Client,
    queries: Sequence[SpokenQuery],
    request: Callable[[SpokenQuery], tihua.Query],
) -> Iterator[_Answer]:
    """Yield an answer for each query, as soon as its call is done; raise an only one's error."""
    if len(queries) == 1:
        (result,) = client.search_many([request(queries[0])])
        if isinstance(result, tihua.TihuaError):
            raise result
        yield _Answer(queries[0], result)
        return
    size = client.server_info().limits.max_batch_items
    for part in calls(queries, size, lambda query: query.file_bytes):
        results = client.search_many([request(query) for query in part])
        for query, result in zip(part, results, strict=True):
            yield _Answer(query, result)


def _exhibits(client: tihua.Client, answers: Sequence[_Answer]) -> list[Exhibit]:
    """Return the answers to look at; the picture of an item that was asked for is its own."""
    shown = []
    for answer in answers:
        if isinstance(answer.result, tihua.TihuaError):
            continue
        query, picture = answer.query, answer.query.image
        if picture is None and query.item_id is not None:
            for item in client.get_items([query.item_id], fields=["uri"]):
                picture = local_path(item.uri)
        text = query.text or (query.item_id if picture is None else None)
        shown.append(exhibit(answer.result, text=text or "", picture=picture))
    return shown


def _print(
    printer: Printer, answer: _Answer, fields: tuple[Field, ...] | None, *, is_grouped: bool
) -> None:
    label = one_line(answer.query.label)
    if isinstance(answer.result, tihua.TihuaError):
        click.echo(f"Error: {label}: {told(answer.result)}", err=True)
        return
    are_shown = {"uri": fields is None or "uri" in fields, "group": is_grouped}
    columns = [column for column in _COLUMNS if are_shown.get(column.key, True)]
    hits = counted(len(answer.result), "hit")
    printer.title(f"{label}: {hits}, {answer.result.timing.total_us / 1000:.0f} ms")
    records = _records(answer.query, answer.result, fields, is_grouped=is_grouped)
    printer.records(records, columns)


def _records(
    query: SpokenQuery,
    result: tihua.SearchResult,
    fields: tuple[Field, ...] | None,
    *,
    is_grouped: bool,
) -> Iterator[Record]:
    for rank, hit in enumerate(result, start=1):
        all_fields: Mapping[Field, object] = {
            "uri": hit.uri,
            "metadata": dict(sorted(hit.metadata.items())),
            "embedding": None if hit.embedding is None else numbers(hit.embedding),
            "update_time": None if hit.update_time is None else hit.update_time.isoformat(),
        }
        carried = ("uri", "metadata") if fields is None else fields
        yield {
            "query": query.label,
            "rank": rank,
            "score": round(hit.score, 6),
            "id": hit.id,
            **({"group": hit.group} if is_grouped else {}),
        } | {name: value for name, value in all_fields.items() if name in carried}


def _footer(connection: Connection, answers: Sequence[_Answer]) -> str:
    models = {
        answer.result.model.id
        for answer in answers
        if not isinstance(answer.result, tihua.TihuaError)
    }
    return "  ·  ".join(["tihua", connection.collection, *sorted(models)])
