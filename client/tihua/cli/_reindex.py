"""`tihua collections reindex`: moves a collection to another model while it is searched."""

from collections.abc import Sequence
from pathlib import Path

import click

import tihua
from tihua._printable import printable
from tihua._reconnect import answered
from tihua.cli._command import Command
from tihua.cli._connection import ConnectionSettings
from tihua.cli._files import Files
from tihua.cli._json import print_json
from tihua.cli._parameters import preprocess_option, require_pillow
from tihua.cli._printer import counted, json_option
from tihua.cli._progress import ProgressView, Tally, progress_view
from tihua.cli._reporter import RECONNECT_TIMEOUT_S, Reporter, arrival, continuable

_REMEDY = (
    "If they are in another folder, name it too; fix the others, and run this again. "
    "As a last resort, leave them out: --allow-missing"
)


@click.command(
    "reindex",
    cls=Command,
    examples=[
        "tihua-server --also-model ViT-B-16 &                              # old and new model",
        "tihua collections reindex pictures ~/Pictures ~/Camera --model ViT-B-16",
        "tihua-server --model ViT-B-16 --also-model mine:ViT-B-16=mine.pt & # a fine-tuned model",
        "tihua collections reindex pictures ~/Pictures ~/Camera --model mine",
    ],
)
@click.argument("name")
@click.argument(
    "folders",
    metavar="DIR...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path, allow_dash=False),
)
@click.option("--model", required=True, metavar="NAME", help="The new model; it must be served.")
@click.option(
    "--allow-missing",
    is_flag=True,
    help="Last resort: leave out the items whose pictures can't be found or embedded.",
)
@preprocess_option
@json_option
@click.pass_obj
def reindex(
    connection: ConnectionSettings,
    name: str,
    folders: Sequence[Path],
    *,
    model: str,
    allow_missing: bool,
    preprocess: str,
    as_json: bool,
) -> None:
    """Embed the collection NAME again with another model.

    A new collection is filled from the files of the items. They are looked up by uri, or else by id
    (as tihua ingest assigns it), and only in the DIRs: name every folder that was ingested. Changes
    made in the meantime are applied too. Then NAME, which becomes an alias, is switched to the new
    collection in one step. The old collection is kept.

    While it runs, NAME can be searched and written to, if the server still serves the old model.
    Write only to NAME, never to either collection's own name. Before you start, wait until any
    tihua collections copy into NAME has ended: it writes to the collection that NAME pointed to
    when it started.

    After Ctrl-C or a failure just run it again: it continues with what is missing.

    Items whose pictures can't be found or embedded, texts among them, are reported with the reason.
    If there are any, NAME stays as it is and the exit status is 1, unless --allow-missing is given.
    """
    if preprocess == "client":
        require_pillow()
    with connection.client() as client, progress_view(as_json=as_json) as view:
        info = answered(client.server_info, arrival())
        sizes_px = {each.ref.id: each.image_size_px for each in info.models}
        files = Files(
            folders,
            preprocess_size=sizes_px.get(model) if preprocess == "client" else None,
            max_pixels=info.limits.max_image_pixels,
        )
        reporter = _ReindexReporter(view, name, as_json=as_json)
        with continuable(view):
            summary = tihua.reindex(
                client,
                name,
                model=model,
                content=files,
                allow_missing=allow_missing,
                on_progress=reporter.progress,
                on_break=reporter.wait,
                reconnect_timeout=RECONNECT_TIMEOUT_S,
            )
    _print_summary(summary, model, as_json=as_json)
    if not summary.is_complete:
        raise click.exceptions.Exit(1)


class _ReindexReporter(Reporter):
    """Shows the progress and reports failures."""

    def __init__(self, view: ProgressView, name: str, *, as_json: bool) -> None:
        super().__init__(view, as_json=as_json)
        self._name = printable(name)
        self._stage = ""

    def progress(self, progress: tihua.ReindexProgress) -> None:
        """Show the progress of a reindex and report its failures."""
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._view.print(self._heading(progress))
        for error in progress.errors:
            self.fail(error)
        tally = Tally(progress.written, progress.failed, progress.kept)
        if not tally.total:
            self._view.begin(progress.total)
        self._view.update(tally)

    def _heading(self, progress: tihua.ReindexProgress) -> str:
        match progress.stage:
            case "copy":
                return f"embedding the items of {progress.source} into {progress.target}"
            case "catch-up":
                return "catching up with what has changed since"
            case _:
                return f"{self._name} leads to {progress.target} now; fetching what came late"


def _print_summary(summary: tihua.ReindexSummary, model: str, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "kind": "summary",
                "alias": summary.alias,
                "source": summary.source,
                "target": summary.target,
                "items": summary.items,
                "written": summary.written,
                "deleted": summary.deleted,
                "failed": summary.failed,
                "swapped": summary.is_swapped,
                "complete": summary.is_complete,
                "seconds": round(summary.seconds, 3),
            }
        )
        return
    alias = printable(summary.alias)
    if not summary.source:
        click.echo(f"{alias} already uses {model}: nothing to do")
        return
    failed = counted(summary.failed, "item")
    if not summary.is_swapped:
        click.echo(
            f"{alias} still leads to {summary.source}: {failed} can't be found or embedded. "
            + _REMEDY
        )
        return
    click.echo(
        f"{alias} leads to {summary.target}: {counted(summary.items, 'item')}, {summary.written} "
        f"of them embedded now in {summary.seconds:.1f} s, {summary.failed} missing"
    )
    if not summary.is_complete:
        click.echo(
            f"{failed} of {summary.source} came late and can't be found or embedded. " + _REMEDY
        )
        return
    click.echo(f"the old collection is kept; to switch {alias} back:")
    click.echo(f"    tihua collections alias {alias} {summary.source}")
    click.echo("or to delete it:")
    click.echo(f"    tihua collections delete {summary.source}")
