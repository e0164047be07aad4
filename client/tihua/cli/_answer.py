"""Runs queries, prints their hits, and prepares them for a sheet or page."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

import tihua
from tihua._exhibit import Exhibit, exhibit, local_path
from tihua._printable import json_line, one_line
from tihua.cli._calls import calls
from tihua.cli._cut import report_cut
from tihua.cli._error_line import error_line
from tihua.cli._fields import Fields, asked_fields, field_values
from tihua.cli._printer import Column, Printer, Record, counted, shown
from tihua.cli._query import CommandQuery


def _group(value: object) -> str:
    """Return a value as in metadata, without grouping digits: a year is 1990, not 1 990."""
    return shown(value if value is None or isinstance(value, str) else json_line(value))


MAX_CALL_HITS = 20_000
"""Maximum hits of a call of several queries: the store searches for all of them at once, and one
message holds the hits."""

_COLUMNS = (
    Column("rank", "#", "right", "dim"),
    Column("score", justify="right", style="cyan"),
    Column("id"),
    Column("group", show=_group),
    Column("uri", style="dim"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A query and its result or error."""

    query: CommandQuery
    result: tihua.SearchResult | tihua.TihuaError


def ask(
    client: tihua.Client,
    queries: Sequence[CommandQuery],
    request: Callable[[CommandQuery], tihua.Query],
    limit: int,
) -> Iterator[Answer]:
    """Yield an answer for each query as its call ends; raise the error of a single query.

    Args:
        client: a client of the server.
        queries: 1 or more.
        request: returns the arguments of a query's search.
        limit: maximum hits of each query.
    """
    if len(queries) == 1:
        (result,) = client.search_many([request(queries[0])])
        if isinstance(result, tihua.TihuaError):
            raise result
        yield Answer(queries[0], result)
        return
    size = max(1, min(client.server_info().limits.max_batch_items, MAX_CALL_HITS // limit))
    for part in calls(queries, size, lambda query: query.file_bytes):
        results = client.search_many([request(query) for query in part])
        for query, result in zip(part, results, strict=True):
            yield Answer(query, result)


def exhibits_of(client: tihua.Client, answers: Sequence[Answer]) -> list[Exhibit]:
    """Return the answers for a sheet or page; a query by an item shows the item's picture."""
    shown = []
    item_pictures: dict[str, Path | None] = {}
    for answer in answers:
        if isinstance(answer.result, tihua.TihuaError):
            continue
        query = answer.query
        picture = query.image if isinstance(query.image, Path) else None
        if query.image is None and (item_id := query.item_id) is not None:
            if item_id not in item_pictures:
                items = client.get_items([item_id], fields=["uri"])
                item_pictures[item_id] = local_path(items[0].uri) if items else None
            picture = item_pictures[item_id]
        text = query.text or (query.label if picture is None else "")
        shown.append(exhibit(answer.result, text=text, picture=picture))
    return shown


def print_answer(printer: Printer, answer: Answer, fields: Fields, *, is_grouped: bool) -> None:
    """Print the hits of a query; on stderr, its error, or that its text was cut.

    Args:
        printer: prints to stdout.
        answer: the query and its result.
        fields: the fields that were asked for.
        is_grouped: whether to print the groups of the hits.
    """
    label = one_line(answer.query.label)
    if isinstance(answer.result, tihua.TihuaError):
        click.echo(f"Error: {label}: {error_line(answer.result)}", err=True)
        return
    if answer.result.truncated_terms:
        report_cut(answer.query.label)
    are_shown = {"uri": "uri" in asked_fields(fields), "group": is_grouped}
    columns = [column for column in _COLUMNS if are_shown.get(column.key, True)]
    hits = counted(len(answer.result), "hit")
    printer.title(f"{label}: {hits}, {answer.result.timing.total_us / 1000:.0f} ms")
    records = _records(answer.query, answer.result, fields, is_grouped=is_grouped)
    printer.records(records, columns)


def _records(
    query: CommandQuery,
    result: tihua.SearchResult,
    fields: Fields,
    *,
    is_grouped: bool,
) -> Iterator[Record]:
    carried = asked_fields(fields)
    for rank, hit in enumerate(result, start=1):
        values = field_values(hit)
        yield {
            "query": query.label,
            "rank": rank,
            "score": round(hit.score, 6),
            "id": hit.id,
            **({"group": hit.group} if is_grouped else {}),
        } | {name: value for name, value in values.items() if name in carried}


def footer_of(collection: str, answers: Sequence[Answer]) -> str:
    """Return the footer of a sheet or page: the collection and its models."""
    models = {
        answer.result.model.id
        for answer in answers
        if not isinstance(answer.result, tihua.TihuaError)
    }
    return "  ·  ".join(["tihua", collection, *sorted(models)])
