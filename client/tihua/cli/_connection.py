"""Which server and collection a command speaks to."""

from dataclasses import dataclass, replace

import click

import tihua


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a command finds its pictures.

    Attributes:
        address: `host:port` of the server.
        collection: the collection that commands use when none is named.
        timeout_s: limit on one call, in seconds; a stream has none.
    """

    address: str
    collection: str
    timeout_s: float

    def client(self) -> "tihua.Client":
        """Return a client of the server; nothing is sent yet."""
        return tihua.Client(self.address, collection=self.collection, timeout=self.timeout_s)


def connection_options(*, hidden: bool) -> list[click.Option]:
    """Return --address, --collection and --timeout, which change the context's `Connection`.

    Args:
        hidden: leave them out of the help: that of the root group explains them once for all.
    """
    return [
        click.Option(
            ["--address"],
            metavar="HOST:PORT",
            envvar=None if hidden else "TIHUA_ADDRESS",
            callback=_store,
            expose_value=False,
            hidden=hidden,
            help=f"Where the server is.  [TIHUA_ADDRESS; default: {tihua.DEFAULT_ADDRESS}]",
        ),
        click.Option(
            ["-c", "--collection"],
            metavar="NAME",
            envvar=None if hidden else "TIHUA_COLLECTION",
            callback=_store,
            expose_value=False,
            hidden=hidden,
            help=f"Which collection.  [TIHUA_COLLECTION; default: {tihua.DEFAULT_COLLECTION}]",
        ),
        click.Option(
            ["--timeout", "timeout_s"],
            metavar="SECONDS",
            type=click.FloatRange(min=0, min_open=True),
            envvar=None if hidden else "TIHUA_TIMEOUT",
            callback=_store,
            expose_value=False,
            hidden=hidden,
            help=f"Limit on one call.  [TIHUA_TIMEOUT; default: {tihua.DEFAULT_TIMEOUT_S:g}]",
        ),
    ]


def _store(ctx: click.Context, param: click.Parameter, value: str | float | None) -> None:
    connection = ctx.find_object(Connection) or DEFAULT_CONNECTION
    match param.name, value:
        case "address", str():
            ctx.obj = replace(connection, address=value)
        case "collection", str():
            ctx.obj = replace(connection, collection=value)
        case "timeout_s", float():
            ctx.obj = replace(connection, timeout_s=value)


DEFAULT_CONNECTION = Connection(
    tihua.DEFAULT_ADDRESS, tihua.DEFAULT_COLLECTION, tihua.DEFAULT_TIMEOUT_S
)
"""What holds when nothing is said."""
