"""The table of outcomes: on the terminal, as JSON for programs and as Markdown for people."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from chaos.outcome import Outcome

HEADINGS = (
    "fault",
    "cycles",
    "writes acknowledged",
    "items",
    "lost",
    "doubled",
    "recovery, s",
    "memory, MiB",
    "health",
    "",
)


@dataclass(slots=True)
class Report:
    """Outcomes as they come in.

    Attributes:
        settings: of the run, by name.
        machine: what it ran on, by name.
        outcomes: by fault.
        skipped: why a fault was skipped, by fault.
        failures: the error that ended a fault before it had an outcome, by fault.
        seconds: how long each fault took, by fault.
    """

    settings: Mapping[str, Any]
    machine: Mapping[str, str]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether nothing went wrong."""
        return not self.failures and not any(it.faults() for it in self.outcomes.values())

    def write(self, folder: Path) -> None:
        """Write chaos.json and chaos.md, replacing those of an earlier run atomically."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {
            "settings": self.settings,
            "machine": self.machine,
            "seconds": self.seconds,
            "skipped": self.skipped,
            "failures": self.failures,
            "outcomes": {
                name: {**dataclasses.asdict(outcome), "wrong": outcome.faults()}
                for name, outcome in self.outcomes.items()
            },
        }
        _write(folder / "chaos.json", json.dumps(content, indent=1, ensure_ascii=False))
        _write(folder / "chaos.md", self._markdown())

    def table(self) -> Table:
        """Return the table for a terminal."""
        table = Table(box=None, pad_edge=False)
        for heading in ("", *HEADINGS[1:]):
            table.add_column(heading)
        for name, outcome in self.outcomes.items():
            style = "bold red" if outcome.faults() else "green"
            table.add_row(name, *_cells(outcome)[1:], style=style)
        for name in self.skipped:
            table.add_row(name, "skipped", style="dim")
        for name in self.failures:
            table.add_row(name, "failed", style="bold red")
        return table

    def _markdown(self) -> str:
        rows = ["| " + " | ".join(HEADINGS) + " |", "|---" * len(HEADINGS) + "|"]
        rows += ["| " + " | ".join(_cells(outcome)) + " |" for outcome in self.outcomes.values()]
        facts = [f"* {name}: {value}" for name, value in {**self.machine, **self.settings}.items()]
        facts += [f"* time: {sum(self.seconds.values()) / 60:.0f} minutes"]
        facts += [f"* `{name}` was skipped: {why}" for name, why in self.skipped.items()]
        facts += [f"* `{name}` **failed**: {why}" for name, why in self.failures.items()]
        notes = [
            f"* `{name}`: {'. '.join((*outcome.notes, *outcome.faults()))}"
            for name, outcome in self.outcomes.items()
            if outcome.notes or outcome.faults()
        ]
        return "\n\n".join("\n".join(part) for part in (rows, notes, facts) if part) + "\n"


def _cells(outcome: Outcome) -> list[str]:
    memory = outcome.memory
    sizes = f"{memory.before >> 20} → {memory.after >> 20}" if memory else "–"
    health = "true" if not outcome.lie_s else f"late by {outcome.lie_s:.0f} s at most"
    return [
        outcome.what,
        f"{outcome.cycles:,}".replace(",", " "),
        f"{outcome.verdict.writes:,}".replace(",", " "),
        f"{outcome.verdict.items:,}".replace(",", " "),
        str(len(outcome.verdict.lost)),
        str(len(outcome.verdict.doubled)),
        outcome.recovery,
        sizes,
        health,
        "**wrong**" if outcome.faults() else "",
    ]


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
