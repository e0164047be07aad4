"""`tihua collections copy`: copies a collection to another server, unchanged."""

from pathlib import Path

import click

import tihua
from tihua._printable import printable
from tihua._reconnect import answered
from tihua.cli._command import Command
from tihua.cli._connection import ConnectionSettings, chosen_tls, read_token
from tihua.cli._json import print_json
from tihua.cli._printer import counted, json_option
from tihua.cli._progress import ProgressView, Tally, progress_view
from tihua.cli._reporter import RECONNECT_TIMEOUT_S, Reporter, arrival, continuable

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    "copy",
    cls=Command,
    examples=[
        "tihua-server --milvus-uri http://milvus:19530 --port 50052 &    # the other server",
        "tihua collections copy pictures --to localhost:50052",
        "tihua collections copy pictures --to gpu.example:50051 --to-ca ca.pem --to-token-file t",
    ],
)
@click.argument("name")
@click.option("--to", "to_address", required=True, metavar="HOST:PORT", help="The other server.")
@click.option(
    "--as", "new_name", default="", metavar="NAME", help="Name of the copy.  [default: NAME]"
)
@click.option(
    "--to-tls", "to_has_tls", is_flag=True, help="Encrypt; --to-ca and --to-cert imply it."
)
@click.option(
    "--to-ca",
    "to_ca_file",
    type=_file,
    metavar="FILE",
    help="CA that signed the other server's certificate.  [default: gRPC's own roots]",
)
@click.option(
    "--to-cert",
    "to_cert_file",
    type=_file,
    metavar="FILE",
    help="Client certificate for the other server, if it requires one (mTLS).",
)
@click.option(
    "--to-key", "to_key_file", type=_file, metavar="FILE", help="Private key of --to-cert."
)
@click.option(
    "--to-token-file",
    "to_token_file",
    type=_file,
    metavar="FILE",
    help="File with the token for the other server; TIHUA_TOKEN is not sent there.",
)
@json_option
@click.pass_obj
def copy(
    connection: ConnectionSettings,
    name: str,
    *,
    to_address: str,
    new_name: str,
    to_has_tls: bool,
    to_ca_file: Path | None,
    to_cert_file: Path | None,
    to_key_file: Path | None,
    to_token_file: Path | None,
    as_json: bool,
) -> None:
    """Copy the collection NAME to another server, unchanged.

    Embeddings, uris, metadata and times are copied, and nothing is embedded again: the other server
    must serve the same model. The collection is made there, with its index, unless it is there
    already. During the copy NAME can be searched and written to, and it is kept.

    Run it again to continue after Ctrl-C or a failure, or to copy what was written since: only what
    is missing or older there is copied. What was deleted here since is not deleted there.
    """
    # TIHUA_TOKEN is for the first server only.
    token = read_token(to_token_file) if to_token_file else ""
    other = tihua.Client(
        to_address,
        timeout=connection.timeout_s,
        tls=chosen_tls(to_ca_file, to_cert_file, to_key_file, has_tls=to_has_tls),
        token=token,
        insecure=connection.is_insecure,
    )
    with connection.client() as client, other, progress_view(as_json=as_json) as view:
        for server in (client, other):
            answered(server.server_info, arrival())
        reporter = _CopyReporter(view, as_json=as_json)
        with continuable(view):
            summary = tihua.copy_collection(
                client,
                other,
                name,
                new_name=new_name,
                on_progress=reporter.progress,
                on_break=reporter.wait,
                reconnect_timeout=RECONNECT_TIMEOUT_S,
            )
    _print_summary(summary, to_address, as_json=as_json)
    if summary.failed:
        raise click.exceptions.Exit(1)


class _CopyReporter(Reporter):
    """Shows the progress and reports failures."""

    def __init__(self, view: ProgressView, *, as_json: bool) -> None:
        super().__init__(view, as_json=as_json, server="a server")
        self._total = -1

    def progress(self, progress: tihua.CopyProgress) -> None:
        """Show the progress of a copy and report its failures."""
        if progress.total != self._total:
            self._total = progress.total
            self._view.begin(progress.total)
        for error in progress.errors:
            self.fail(error)
        self._view.update(Tally(progress.written, progress.failed, progress.kept))


def _print_summary(summary: tihua.CopySummary, address: str, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "kind": "summary",
                "collection": summary.collection.name,
                "items": summary.items,
                "written": summary.written,
                "kept": summary.kept,
                "failed": summary.failed,
                "seconds": round(summary.seconds, 3),
            }
        )
        return
    pace = summary.written / summary.seconds if summary.seconds > 0 else 0.0
    click.echo(
        f"{printable(summary.collection.name)} at {address} has {counted(summary.items, 'item')}: "
        f"{summary.written} copied in {summary.seconds:.1f} s ({pace:.0f}/s), {summary.kept} there "
        f"already, {summary.failed} failed"
    )
