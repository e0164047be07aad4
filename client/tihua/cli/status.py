"""`tihua status`: describes the server and its health."""

import dataclasses
from collections.abc import Mapping

import click

import tihua
from tihua.cli._collection_record import COLLECTION_COLUMNS, collection_record
from tihua.cli._command import Command
from tihua.cli._connection import ConnectionSettings
from tihua.cli._error_line import error_line
from tihua.cli._printer import Column, Printer, Record, json_option, shown


def _text_tokens(context_length: object) -> str:
    """Return how many tokens of a text are read: the context without [CLS] and [SEP]."""
    assert isinstance(context_length, int)
    return shown(context_length - 2)


_MODEL_COLUMNS = (
    Column("id", "model"),
    Column("fingerprint"),
    Column("dim", justify="right"),
    Column("image_size_px", "image", "right", show=lambda side: f"{side} px"),
    Column("context_length", "tokens", "right", show=_text_tokens),
    Column("engine"),
    Column("device"),
    Column("precision"),
)

_LIMIT_COLUMNS = (
    Column("limit"),
    Column("value", justify="right"),
)


@click.command(
    "status",
    cls=Command,
    examples=[
        "tihua status",
        "tihua --address gpu.example:50051 status",
        "tihua status --json",
        "tihua status --health     # for a probe",
    ],
)
@click.option(
    "--health",
    "is_probe",
    is_flag=True,
    help="Ask for health alone, which needs no token; status 1 if the server accepts no calls. Of "
    "several servers, the first that can be reached is asked.",
)
@json_option
@click.pass_obj
def command(connection: ConnectionSettings, *, is_probe: bool, as_json: bool) -> None:
    """Show the server, its models, limits, store and collections.

    The exit status is 1 if the server or one of its services is not serving, or if the collections
    can't be listed; everything else is still shown. A server that accepts no calls reports only the
    health of its services. With --health the exit status is 1 only if the server accepts no calls;
    one without its store still embeds, and says what it lacks.
    """
    if is_probe:
        _probe(connection, as_json=as_json)
        return
    printer = Printer(as_json=as_json)
    with connection.client() as client:
        health = client.health()
        services = _by_short_name(health)
        is_serving = all(state == "SERVING" for state in health.values())
        try:
            info = client.server_info()
        except tihua.UnavailableError as error:
            if services["SystemService"] == "SERVING":
                raise
            printer.record({"address": connection.address, "serving": False, "services": services})
            raise click.ClickException(
                f"the server at {connection.address} accepts no calls at present; its log says why"
            ) from error
        found = _collections(client)
    models = [
        dataclasses.asdict(model.ref)
        | {key: value for key, value in dataclasses.asdict(model).items() if key != "ref"}
        for model in info.models
    ]
    limits = dataclasses.asdict(info.limits)
    server = {
        "address": connection.address,
        "version": info.version,
        "store": info.store,
        "serving": is_serving,
    }
    if as_json:
        whole = {"services": services, "models": models, "limits": limits, "collections": found}
        printer.record(server | whole)
    else:
        printer.record(server if is_serving else server | {"services": services})
        printer.line()
        printer.records(models, _MODEL_COLUMNS)
        printer.line()
        rows = [{"limit": name, "value": shown(value)} for name, value in limits.items()]
        printer.records(rows, _LIMIT_COLUMNS)
        printer.line()
        printer.records(found or (), COLLECTION_COLUMNS)
        if found == []:
            printer.line("no collections yet; make one with: tihua ingest DIR")
    if not is_serving or found is None:
        raise click.exceptions.Exit(1)


def _collections(client: tihua.Client) -> list[Record] | None:
    """Return all collections; if the store can't list them, print why on stderr and return None."""
    try:
        return [collection_record(collection) for collection in client.list_collections()]
    except tihua.TihuaError as error:
        click.echo(f"Error: no list of collections: {error_line(error)}", err=True)
        return None


def _probe(connection: ConnectionSettings, *, as_json: bool) -> None:
    with connection.client() as client:
        services = _by_short_name(client.health())
    Printer(as_json=as_json).record(services)
    if services["SystemService"] != "SERVING":
        raise click.exceptions.Exit(1)


def _by_short_name(health: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix("tihua.v1.") or "server": state for name, state in health.items()}
