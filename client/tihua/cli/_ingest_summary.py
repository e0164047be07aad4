"""The summary of `tihua ingest`: the counts of pictures, and the files that were left out."""

import click

from tihua._left_out import LeftOut
from tihua._printable import printable
from tihua.cli._json import print_json
from tihua.cli._printer import counted
from tihua.cli._progress import Tally

_SHOWN_SUFFIXES = 5
_JSON_SUFFIXES = 100


def print_summary(tally: Tally, left_out: LeftOut, seconds: float, *, as_json: bool) -> None:
    """Print the counts on stdout and, except as JSON, the files that were left out on stderr."""
    pace = tally.written / seconds if seconds > 0 else 0.0
    if as_json:
        print_json(
            {
                "kind": "summary",
                "pictures": tally.total,
                "written": tally.written,
                "failed": tally.failed,
                "skipped": tally.skipped,
                "left_out": left_out.files,
                "left_out_suffixes": dict(left_out.most_common(_JSON_SUFFIXES)),
                "seconds": round(seconds, 3),
                "images_per_second": round(pace, 1),
            }
        )
        return
    if left_out.files:
        click.echo(_left_out_line(left_out), err=True)
    speed = f", {pace:.1f} pictures/s" if tally.written else ""
    click.echo(
        f"{counted(tally.total, 'picture')}: {tally.written} written, {tally.failed} failed, "
        f"{tally.skipped} unchanged; {seconds:.1f} s{speed}"
    )


def _left_out_line(left_out: LeftOut) -> str:
    common = left_out.most_common(_SHOWN_SUFFIXES)
    parts = [f"{printable(suffix) or 'no suffix'} {files}" for suffix, files in common]
    others = left_out.files - sum(files for _, files in common)
    if others:
        parts.append(f"others {others}")
    return f"left out {counted(left_out.files, 'file')} of other types ({', '.join(parts)})"
