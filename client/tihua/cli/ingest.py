"""`tihua ingest`: puts a folder of pictures into a collection."""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import click

import tihua
from tihua._convert import checked_text
from tihua._folder import SUFFIXES, Folder
from tihua._left_out import LeftOut
from tihua._printable import printable
from tihua._reconnect import answered
from tihua.cli._command import EXIT_INTERRUPTED, Command
from tihua.cli._connection import ConnectionSettings
from tihua.cli._destination import destination
from tihua.cli._folder_metadata import check_size, folder_metadata
from tihua.cli._ingest_summary import print_summary
from tihua.cli._intake import Intake
from tihua.cli._parameters import (
    index_option,
    index_params_option,
    metadata_option,
    preprocess_option,
    require_pillow,
)
from tihua.cli._printer import json_option
from tihua.cli._progress import ProgressView, Tally, progress_view
from tihua.cli._reporter import PASSING, RECONNECT_TIMEOUT_S, Reporter, arrival


@click.command(
    "ingest",
    cls=Command,
    examples=[
        "tihua ingest ~/Pictures",
        "tihua --collection paintings ingest ~/paintings --index HNSW --index-param M=32",
        "tihua ingest /mnt/disk1 --id-prefix disk1/        # two folders in one collection",
        "tihua ingest ~/2024 --id-prefix 2024/ --metadata year=2024 # to filter and group by",
        "tihua ingest ~/Pictures --preprocess client       # a slow network",
        "tihua ingest /mnt/disk1/2024 --server-folder 2024 # a disk that the server has too",
        "tihua ingest ~/Pictures --json > report.jsonl",
    ],
)
@click.argument(
    "folder", metavar="DIR", type=click.Path(exists=True, path_type=Path, allow_dash=False)
)
@click.option("--id-prefix", default="", metavar="TEXT", help="Prefix of every id.")
@metadata_option("every picture of DIR")
@click.option("--force", "is_forced", is_flag=True, help="Embed unchanged files again.")
@preprocess_option
@click.option(
    "--server-folder",
    metavar="PATH",
    help="Send no files: the server reads DIR itself, as PATH below its --image-root.",
)
@click.option("--strict", "is_strict", is_flag=True, help="Exit with status 1 if any file failed.")
@index_option(
    default=None, text="Type of the index; for a new collection only.  [default: AUTOINDEX]"
)
@index_params_option
@click.option(
    "--shards",
    type=click.IntRange(1, 16),
    metavar="NUMBER",
    help="Number of shards; for a new collection only.  [default: 1]",
)
@click.option(
    "--model",
    metavar="NAME",
    help="A model that the server serves; for a new collection only.  [default: its first]",
)
@json_option
@click.pass_obj
def command(
    connection: ConnectionSettings,
    folder: Path,
    *,
    id_prefix: str,
    metadata: Sequence[tuple[str, object]],
    is_forced: bool,
    preprocess: str,
    server_folder: str | None,
    is_strict: bool,
    index: tihua.IndexName | None,
    index_params: tuple[tuple[str, int], ...],
    shards: int | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Put a folder of pictures into a collection.

    Walks DIR and the folders below it for jpg, jpeg, jfif, png, webp, bmp, gif, tif and tiff files,
    in any letter case, and makes the collection if there is none. Hidden files and folders, links
    to folders and links to files outside of DIR are left out. DIR may also be a single file.

    A picture's id is its path within DIR, its uri the absolute path; the metadata keeps name,
    file_bytes and file_mtime, and what --metadata gives. A file that is in the collection with the
    same path, size, time and --metadata is unchanged and not sent; a changed one is replaced. After
    Ctrl-C or a failure just run it again. Ids are compared byte by byte: é in NFD (macOS) and é in
    NFC are different ids.

    With --preprocess client this machine decodes the pictures and sends only the small square that
    the model sees, 150 kB at 224 pixels; the embedding is nearly the same (cosine 0.999 or
    more). It needs Pillow: pip install '.[sheet]' in the checkout.

    With --server-folder only names are sent, and the server reads the pictures from a shared disk.
    Its operator must have allowed that: tihua-server --image-root /mnt/disk1.

    Files that can't be embedded are reported with the reason, and the rest is ingested. The summary
    counts the pictures written, failed and unchanged, and the files of other types left out.

    The exit status is 1 if every picture failed or, with --strict, if any failed; 130 after Ctrl-C.
    """
    if preprocess == "client":
        if server_folder is not None:
            raise click.UsageError("--preprocess client and --server-folder exclude each other")
        require_pillow()
    for_every_picture = folder_metadata(metadata)
    pictures = Folder(
        folder, id_prefix=checked_text(id_prefix, "--id-prefix"), metadata=for_every_picture
    )
    left_out = LeftOut()
    with connection.client() as client:
        info = answered(client.server_info, arrival())
        check_size(for_every_picture, info.limits)
        if server_folder is not None and not info.takes_image_paths:
            raise click.ClickException(
                "this server does not open files named by clients: leave --server-folder out, or "
                "start it with --image-root"
            )
        total = pictures.count(left_out)
        if total == 0:
            kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
            click.echo(printable(f"no pictures in {folder} ({kinds}; none hidden)"), err=True)
            print_summary(Tally(), left_out, 0.0, as_json=as_json)
            return
        collection = answered(
            lambda: destination(
                client, connection.collection, index, dict(index_params), shards, model
            ),
            arrival(),
        )
        models = {each.ref.fingerprint: each for each in info.models}
        resizes_for = models.get(collection.model.fingerprint) if preprocess == "client" else None
        with progress_view(as_json=as_json) as view:
            view.begin(total)
            not_sent = Tally()
            reporter = _IngestReporter(view, not_sent, as_json=as_json)
            intake = Intake(
                client,
                pictures,
                info.limits,
                not_sent,
                is_forced=is_forced,
                preprocess_size=resizes_for.image_size_px if resizes_for else None,
                server_folder=None if server_folder is None else PurePosixPath(server_folder),
                on_unusable=reporter.fail,
                on_step=reporter.show,
                on_break=reporter.wait,
                reconnect_timeout_s=RECONNECT_TIMEOUT_S,
            )
            began = time.monotonic()
            _run(client, intake, reporter, resizes_for)
            seconds = time.monotonic() - began
    tally = reporter.tally
    print_summary(tally, left_out, seconds, as_json=as_json)
    if tally.failed and (is_strict or tally.failed == tally.total):
        raise click.exceptions.Exit(1)


def _run(
    client: tihua.Client,
    intake: Intake,
    reporter: "_IngestReporter",
    resizes_for: tihua.ModelInfo | None,
) -> None:
    """Send the pictures; if that ends early, report how many were written.

    Args:
        client: a client of the server.
        intake: the pictures.
        reporter: reports failures and progress.
        resizes_for: the model that pictures are resized for here; None sends the files.

    Raises:
        click.exceptions.Exit: the user pressed Ctrl-C.
        tihua.TihuaError: the server refused, or did not come back in time.
    """
    try:
        with contextlib.closing(intake.items()) as items:
            client.ingest(
                items,
                on_progress=reporter.progress,
                on_break=reporter.wait,
                reconnect_timeout=RECONNECT_TIMEOUT_S,
                model=resizes_for.ref.id if resizes_for else "",
            )
    except KeyboardInterrupt:
        reporter.end_early("interrupted")
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    except tihua.TihuaError as error:
        if reporter.tally.written or isinstance(error, PASSING):
            reporter.end_early("stopped")
        if resizes_for and error.reason == "MODEL_MISMATCH":
            raise _resized_for_another(error, resizes_for.ref.id) from error
        raise


def _resized_for_another(error: tihua.TihuaError, model: str) -> tihua.FailedPreconditionError:
    now = error.metadata.get("collection_model", "another model")
    return tihua.FailedPreconditionError(
        f"the name leads to a collection of {now} now, and the pictures were resized here for "
        f"{model}: run it again",
        reason=error.reason,
        metadata=error.metadata,
    )


class _IngestReporter(Reporter):
    """Adds up the counts of this machine and of the server, and shows them.

    Args:
        view: shows the progress.
        not_sent: counts of the files that are not sent; the intake updates them.
        as_json: as in `Reporter`.
    """

    def __init__(self, view: ProgressView, not_sent: Tally, *, as_json: bool) -> None:
        super().__init__(view, as_json=as_json)
        self._not_sent = not_sent
        self._sent = Tally()

    @property
    def tally(self) -> Tally:
        """The numbers of all pictures so far."""
        unsent, sent = self._not_sent, self._sent
        return Tally(sent.written, unsent.failed + sent.failed, unsent.skipped + sent.skipped)

    def progress(self, progress: tihua.IngestProgress) -> None:
        """Store the server's counts and report the failures."""
        self._sent = Tally(progress.written, progress.failed, progress.skipped)
        for error in progress.errors:
            self.fail(error)
        self.show()

    def show(self) -> None:
        """Show the progress."""
        self._view.update(self.tally)

    def end_early(self, how: str) -> None:
        """Report that not all pictures were sent."""
        self._view.print(f"{how}: {self.tally.written} written; run it again to continue")
