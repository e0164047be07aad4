"""`python -m bench`: measures every row, and writes and prints the figures."""

import asyncio
import dataclasses
import datetime as dt
import signal
import time
import traceback
from pathlib import Path

import click
from rich.console import Console

from bench.machine import describe_machine
from bench.report import Report
from bench.rows import ROWS
from bench.settings import Settings
from bench.stage import Skipped, Stage

PHOTOGRAPHS = Path("../shared/data/flickr8kcn-160.tar")
"""Photographs to ingest, if they are there: Flickr8k at 160 pixels."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--model", default="ViT-B-16", show_default=True, help="The model that is served.")
@click.option("--engine", default="auto", show_default=True, help="--engine of the server.")
@click.option("--precision", default="auto", show_default=True, help="--precision of the server.")
@click.option(
    "--rounds", type=click.IntRange(min=1), help="Rounds of a row.  [default: 3, quick 1]"
)
@click.option("--quick", "is_quick", is_flag=True, help="Less of everything: to try the harness.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(ROWS)),
    help="A row to measure; may be given again. All of them without it.",
)
@click.option(
    "--photographs",
    type=click.Path(exists=True, path_type=Path),
    help="A tar or folder of pictures to ingest.  "
    f"[default: {PHOTOGRAPHS} if it is there, else the gallery]",
)
@click.option(
    "--materials",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out/bench"),
    show_default=True,
    help="Where weights, pictures and converted models are kept.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out"),
    show_default=True,
    help="Where bench.json, bench.md, bench.png and bench-scaling.png go.",
)
def main(
    *,
    model: str,
    engine: str,
    precision: str,
    rounds: int | None,
    is_quick: bool,
    only: tuple[str, ...],
    photographs: Path | None,
    materials: Path,
    out: Path,
) -> None:
    """Measure how fast tihua is, against the tutorial, its peers and what the chip can do.

    \b
    Examples:
      make bench
      make bench FLAGS="--quick"
      make bench FLAGS="--only mixed --only peers --rounds 5 --out out/again"
    """  # noqa: D301  # click wants the backspace itself
    settings = Settings(
        model=model,
        engine=engine,
        precision=precision,
        rounds=rounds or (1 if is_quick else 3),
        is_quick=is_quick,
        materials=materials,
        photographs=photographs or (PHOTOGRAPHS if PHOTOGRAPHS.exists() else None),
    )
    console = Console(stderr=True)
    told = {
        field: value
        for field, value in dataclasses.asdict(settings).items()
        if field != "materials"
    }
    told["photographs"] = settings.photographs.name if settings.photographs else "the gallery"
    date = dt.datetime.now(tz=dt.UTC).date().isoformat()
    report = Report({"date": date, **told}, describe_machine())
    try:
        asyncio.run(_measure(only or tuple(ROWS), Stage(settings, console), report, out, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("interrupted: what was measured is written", style="bold red")
        raise click.exceptions.Exit(130) from None
    finally:
        _draw(report, out)
        Console().print(report.table())
    if report.failures:
        raise click.exceptions.Exit(1)


async def _measure(
    names: tuple[str, ...], stage: Stage, report: Report, out: Path, console: Console
) -> None:
    """Measure the rows one after the other, and write the report after each."""
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        # As Ctrl-C does: every server started here is stopped on the way out. A second signal is
        # ignored, because it would interrupt that.
        if not task.cancelling():
            task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    for number, name in enumerate(names, 1):
        console.print(f"[{number}/{len(names)}] {name}", style="bold", markup=False)
        start_s = time.monotonic()
        try:
            report.figures[name] = await ROWS[name](stage)
        except Skipped as reason:
            console.print(f"  skipped: {reason}", style="dim", markup=False, highlight=False)
            report.skipped[name] = str(reason)
        except Exception as error:  # noqa: BLE001  # the other rows must not be lost
            console.print(traceback.format_exc(), markup=False, highlight=False)
            # The end of what a program printed says why it failed.
            said = str(error).strip().splitlines() or [""]
            report.failures[name] = f"{type(error).__name__}: {said[-1][-200:]}"
        report.seconds[name] = time.monotonic() - start_s
        console.print(f"  {report.seconds[name]:.0f} s", style="dim")
        report.write(out)


def _draw(report: Report, out: Path) -> None:
    # matplotlib takes a second to import, and is not needed to measure.
    from bench.chart import draw_series, draw_targets

    figures = report.all_figures()
    processor = f"{report.machine['processor']}, {report.machine['cores']} cores"
    title = f"tihua, {report.settings['model']}, {report.settings['date']}\n{processor}"
    draw_targets(figures, out / "bench.png", title)
    draw_series(figures, out / "bench-scaling.png")


if __name__ == "__main__":
    main()
