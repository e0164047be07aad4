"""`python -m fuzz`: attacks a server for a while, and prints how much was sent."""

import itertools
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from fuzz.attacks import ATTACKS
from fuzz.guided import run_guided
from fuzz.rounds import run_round
from fuzz.target import Target, attacked


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seconds", default=60.0, show_default=True, help="How long to attack.")
@click.option(
    "--rounds", type=int, help="Number of rounds instead, with the same inputs each time."
)
@click.option("--seed", "first_seed", type=int, help="Seed of the first round, to repeat a run.")
@click.option("--only", multiple=True, help="Name of an attack; may be repeated.  [default: all]")
def main(
    *, seconds: float, rounds: int | None, first_seed: int | None, only: tuple[str, ...]
) -> None:
    """Send random and broken input to a server until the time is up or something fails."""
    console = Console(width=100)
    if (number := first_seed) is None:
        number = int(time.time()) if rounds is None else 1
    console.print(f"seed {number}")
    attacks = [attack for attack in ATTACKS if not only or attack.__name__ in only]
    guided_s = seconds / 6
    with tempfile.TemporaryDirectory() as folder, attacked(Path(folder)) as target:
        try:
            for _ in _turns(rounds, seconds if only else seconds - guided_s):
                target.reset()
                for attack in attacks:
                    run_round(attack, target, number)
                    number += 1
        except Exception:  # noqa: BLE001  # whatever failed, its input is shown
            traceback.print_exc()
            _show(console, target)
            sys.exit(f"{attack.__name__} broke it; again: --only {attack.__name__} --seed {number}")
        _show(console, target)
        grown_bytes = target.grown_bytes()
    console.print(
        f"{target.inputs} inputs in {sum(target.counts.values())} calls; the server took at most "
        f"{grown_bytes / 2**20:.0f} MiB more than at rest"
    )
    if not only:
        run_guided(console, guided_s, is_repeatable=rounds is not None)


def _turns(rounds: int | None, seconds: float) -> Iterator[None]:
    """Yield once per round: `rounds` times, or until `seconds` have passed."""
    if rounds is not None:
        yield from itertools.repeat(None, rounds)
    else:
        ends_s = time.monotonic() + seconds
        while time.monotonic() < ends_s:
            yield


def _show(console: Console, target: Target) -> None:
    table = Table("method", "status", "calls")
    for (method, status), count in sorted(target.counts.items()):
        table.add_row(method.removeprefix("tihua.v1."), status, str(count))
    console.print(table)


if __name__ == "__main__":
    main()
