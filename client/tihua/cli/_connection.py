"""The options that say which server and collection a command uses, and how it authenticates."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

import tihua
from tihua._channel import MAX_TIMEOUT_S
from tihua._secret_file import read_secret

TOKEN_VARIABLE = "TIHUA_TOKEN"  # noqa: S105  # its name, not a token
"""The variable that holds the token. There is no flag, because `ps` shows flags to everyone."""


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """The settings of a command's connection.

    Attributes:
        address: `host:port` of the server.
        collection: the default collection.
        given_timeout_s: limit of a call, in seconds; None if the user gave none, so that the
            command's default applies. A stream has no limit.
        has_tls: whether to encrypt; naming any of the next three files implies it.
        ca_file, cert_file, key_file: as in `tihua.Tls`.
        token_file: the file that holds the token; None means the variable TIHUA_TOKEN, if set.
        is_insecure: whether to send the token unencrypted to other machines.
    """

    address: str = tihua.DEFAULT_ADDRESS
    collection: str = tihua.DEFAULT_COLLECTION
    given_timeout_s: float | None = None
    has_tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    token_file: Path | None = None
    is_insecure: bool = False

    @property
    def timeout_s(self) -> float:
        """Limit of a call, in seconds."""
        return tihua.DEFAULT_TIMEOUT_S if self.given_timeout_s is None else self.given_timeout_s

    def client(self) -> "tihua.Client":
        """Return a client of the server; nothing is sent yet.

        Raises:
            InvalidRequestError: the settings contradict each other, or everyone may read a secret.
            OSError: the token can't be read.
        """
        return tihua.Client(
            self.address,
            collection=self.collection,
            timeout=self.timeout_s,
            tls=chosen_tls(self.ca_file, self.cert_file, self.key_file, has_tls=self.has_tls),
            token=self._token(),
            insecure=self.is_insecure,
        )

    def _token(self) -> str:
        if self.token_file is None:
            return os.environ.get(TOKEN_VARIABLE, "").strip()
        return read_token(self.token_file)


def chosen_tls(
    ca_file: Path | None, cert_file: Path | None, key_file: Path | None, *, has_tls: bool
) -> "tihua.Tls | bool":
    """Return how to encrypt; naming a file implies it. False for plain text."""
    tls = tihua.Tls(ca_file=ca_file, cert_file=cert_file, key_file=key_file)
    return tls if has_tls or tls != tihua.Tls() else False


def read_token(file: Path) -> str:
    """Return the token in a file; if it is not UTF-8, `tihua.Client` will refuse it.

    Raises:
        OSError: it can't be read.
        InvalidRequestError: everyone may read it.
    """
    return read_secret(file).decode("utf-8", errors="replace").strip()


DEFAULT_SETTINGS = ConnectionSettings()
"""The settings without any options."""


def connection_options(*, hidden: bool) -> list[click.Option]:
    """Return the options that change the context's `ConnectionSettings`.

    Args:
        hidden: leave them out of the help, because the root group's help explains them.
    """

    def option(
        *names: str,
        text: str,
        variable: str = "",
        kind: "click.ParamType[Any] | Callable[[str], Any] | None" = None,  # Generic since 8.2.
        metavar: str | None = None,
    ) -> click.Option:
        return click.Option(
            names,
            metavar=metavar,
            type=kind,
            is_flag=metavar is None,
            default=None,
            envvar=variable if variable and not hidden else None,
            callback=_store,
            expose_value=False,
            hidden=hidden,
            help=text,
        )

    file = click.Path(path_type=Path)
    return [
        option(
            "--address",
            metavar="HOST:PORT",
            variable="TIHUA_ADDRESS",
            text=f"Address of the server.  [TIHUA_ADDRESS; default: {tihua.DEFAULT_ADDRESS}]",
        ),
        option(
            "-c",
            "--collection",
            metavar="NAME",
            variable="TIHUA_COLLECTION",
            text=f"Collection to use.  [TIHUA_COLLECTION; default: {tihua.DEFAULT_COLLECTION}]",
        ),
        option(
            "--timeout",
            "given_timeout_s",
            metavar="SECONDS",
            kind=_seconds,
            variable="TIHUA_TIMEOUT",
            text=f"Limit of one call.  [TIHUA_TIMEOUT; default: {tihua.DEFAULT_TIMEOUT_S:g}]",
        ),
        option(
            "--tls",
            "has_tls",
            variable="TIHUA_TLS",
            text="Encrypt; each of the next three implies it.  [TIHUA_TLS]",
        ),
        option(
            "--ca",
            "ca_file",
            metavar="FILE",
            kind=file,
            variable="TIHUA_CA",
            text="CA that signed the server's certificate.  [TIHUA_CA; default: gRPC's own roots]",
        ),
        option(
            "--cert",
            "cert_file",
            metavar="FILE",
            kind=file,
            variable="TIHUA_CERT",
            text="Client certificate, if the server requires one (mTLS).  [TIHUA_CERT]",
        ),
        option(
            "--key",
            "key_file",
            metavar="FILE",
            kind=file,
            variable="TIHUA_KEY",
            text="Private key of that certificate.  [TIHUA_KEY]",
        ),
        option(
            "--token-file",
            metavar="FILE",
            kind=file,
            text=f"File with the token; or put the token itself into {TOKEN_VARIABLE}.",
        ),
        option(
            "--insecure",
            "is_insecure",
            text="Allow sending the token unencrypted to other machines.",
        ),
    ]


def _seconds(text: str) -> float:
    """Return the limit of a call, in seconds.

    Raises:
        click.BadParameter: gRPC can't keep it.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= MAX_TIMEOUT_S:  # also catches NaN
        raise click.BadParameter(
            f"{text!r} is not a valid timeout: give seconds, more than 0 and at most"
            f" {MAX_TIMEOUT_S}"
        )
    return seconds


def _store(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is not None and param.name is not None:
        connection = ctx.find_object(ConnectionSettings) or DEFAULT_SETTINGS
        ctx.obj = replace(connection, **{param.name: value})
