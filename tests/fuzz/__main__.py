"""`python -m fuzz`: attacks a server for a while, and prints how much was sent."""

import sys
import tempfile
import time
import traceback
from pathlib import Path

import click
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from fuzz.attacks import ATTACKS, Attack
from fuzz.guided import run_guided
from fuzz.target import Target, attacked

EXAMPLES = 30
"""Examples of an attack before it is the next one's turn, and the server is looked at."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seconds", default=60.0, show_default=True, help="How long to attack.")
@click.option("--seed", "first_seed", type=int, help="Of the first round; to see a run again.")
@click.option("--only", multiple=True, help="Name of an attack; all of them without it.")
def main(*, seconds: float, first_seed: int | None, only: tuple[str, ...]) -> None:
    """Send random and broken input to a server until the time is up or something gives way."""
    console = Console(width=100)
    number = int(time.time()) if first_seed is None else first_seed
    console.print(f"seed {number}")
    attacks = [attack for attack in ATTACKS if not only or attack.__name__ in only]
    guided_s = 0.0 if only else seconds / 6
    with tempfile.TemporaryDirectory() as folder, attacked(Path(folder)) as target:
        ends_s = time.monotonic() + seconds - guided_s
        try:
            while time.monotonic() < ends_s:
                target.reset()
                for attack in attacks:
                    _round(attack, target, number)
                    number += 1
        except Exception:  # noqa: BLE001  # whatever it is, its input is shown
            traceback.print_exc()
            _show(console, target)
            sys.exit(f"{attack.__name__} broke it; again: --only {attack.__name__} --seed {number}")
        _show(console, target)
        grown_bytes = target.grown_bytes()
    console.print(
        f"{target.inputs} inputs in {sum(target.counts.values())} calls; the server took at most "
        f"{grown_bytes / 2**20:.0f} MiB more than at rest"
    )
    if guided_s:
        run_guided(console, guided_s)


def _round(attack: Attack, target: Target, number: int) -> None:
    @seed(number)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def attempt(data: st.DataObject) -> None:
        attack(target, data)

    attempt()
    target.check()


def _show(console: Console, target: Target) -> None:
    table = Table("method", "status", "calls")
    for (method, status), count in sorted(target.counts.items()):
        table.add_row(method.removeprefix("tihua.v1."), status, str(count))
    console.print(table)


if __name__ == "__main__":
    main()
