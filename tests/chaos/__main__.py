"""`python -m chaos`: injects every fault, and writes and prints the outcomes."""

import datetime as dt
import random
import secrets
import shutil
import signal
import tempfile
import time
import traceback
from pathlib import Path

import click
from bench.machine import describe_machine
from rich.console import Console

from chaos.faults import FAULTS
from chaos.ground import Ground, Skipped
from chaos.report import Report
from chaos.scale import SCALES


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--fault",
    "names",
    multiple=True,
    type=click.Choice(list(FAULTS)),
    help="A fault to inject; may be repeated.  [default: all]",
)
@click.option(
    "--scale",
    default="full",
    show_default=True,
    type=click.Choice(list(SCALES)),
    help="How much of everything.",
)
@click.option("--seed", type=int, help="Of the random moments.  [default: a new one]")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out"),
    show_default=True,
    help="Where chaos.json and chaos.md go.",
)
def main(*, names: tuple[str, ...], scale: str, seed: int | None, out: Path) -> None:
    """Break every part that can break, and show that nothing acknowledged is lost or doubled.

    \b
    Examples:
      make chaos
      make chaos SCALE=quick
      make chaos FAULTS="kill-server disk-full" SEED=7
    """  # noqa: D301  # click wants the backspace itself
    # As with Ctrl-C, the context managers stop what was started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seed = secrets.randbelow(10**6) if seed is None else seed
    console = Console(stderr=True)
    console.print(f"seed {seed}", style="bold")
    date = dt.datetime.now(tz=dt.UTC).date().isoformat()
    report = Report({"date": date, "scale": scale, "seed": seed}, describe_machine())
    for name in names or FAULTS:
        console.print(name, style="bold", markup=False)
        start_s = time.monotonic()
        ground = Ground(
            folder=Path(tempfile.mkdtemp(prefix="tihua-chaos-")),
            # One seed per fault, so that a fault runs the same alone as among all others.
            choice=random.Random(f"{seed} {name}"),
            scale=SCALES[scale],
            tell=lambda line: console.print(
                f"  {line}", markup=False, highlight=False, soft_wrap=True
            ),
        )
        wrong: list[str] = []
        try:
            report.outcomes[name] = FAULTS[name](ground)
            wrong = report.outcomes[name].faults()
        except Skipped as reason:
            report.skipped[name] = str(reason)
            ground.tell(f"skipped: {reason}")
        except Exception as error:  # noqa: BLE001  # the other faults must not be lost
            console.print(traceback.format_exc(), markup=False, highlight=False)
            said = str(error).strip().splitlines() or [""]
            report.failures[name] = f"{type(error).__name__}: {said[-1][-300:]}"
            wrong = [report.failures[name]]
        report.seconds[name] = time.monotonic() - start_s
        for words in wrong:
            console.print(f"  {words}", style="bold red", markup=False, soft_wrap=True)
        if wrong:
            ground.tell(f"what is left of it is kept in {ground.folder}")
        else:
            shutil.rmtree(ground.folder)
        console.print(f"  {report.seconds[name]:.0f} s", style="dim")
        report.write(out)
    Console().print(report.table())
    if not report.is_sound:
        raise click.exceptions.Exit(1)


if __name__ == "__main__":
    main()
