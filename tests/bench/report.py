"""The report: JSON for programs, Markdown for people, and the printed table."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from bench.figure import Figure, shown

MARKS = {True: "met", False: "**not met**", None: ""}


@dataclass(slots=True)
class Report:
    """The figures, collected row by row.

    Attributes:
        settings: the settings of the run, by name.
        machine: the machine of the run, by name.
        figures: those of the rows that are done, by row.
        failures: why a row failed, by row.
        skipped: why a row does not apply, by row.
        seconds: how long each row took, by row.
        name: name of the files, without a suffix.
    """

    settings: Mapping[str, Any]
    machine: Mapping[str, str]
    figures: dict[str, Sequence[Figure]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    name: str = "bench"

    def all_figures(self) -> list[Figure]:
        """Return every figure, in the order in which they were measured."""
        return [figure for figures in self.figures.values() for figure in figures]

    def write(self, folder: Path) -> None:
        """Write the JSON and the Markdown, atomically."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {
            "settings": self.settings,
            "machine": self.machine,
            "seconds": self.seconds,
            "failures": self.failures,
            "skipped": self.skipped,
            "figures": [_as_json(figure) for figure in self.all_figures()],
        }
        _write(
            folder / f"{self.name}.json",
            json.dumps(content, indent=1, ensure_ascii=False, default=str),
        )
        _write(folder / f"{self.name}.md", self._markdown())

    def _markdown(self) -> str:
        rows = [
            "| row | what | ours | baseline | value | target | |",
            "|---|---|---|---|---|---|---|",
        ]
        rows += ["| " + " | ".join(_cells(figure)) + " |" for figure in self.all_figures()]
        rows += [f"| {row} | failed: {reason} | | | | | |" for row, reason in self.failures.items()]
        rows += [f"| {row} | skipped: {reason} | | | | | |" for row, reason in self.skipped.items()]
        peers = _peers_table(self.figures.get("peers", ()))
        facts = [f"* {name}: {value}" for name, value in self.machine.items()]
        asked = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        facts += [f"* settings: {asked}"]
        if self.seconds:
            facts += [f"* time: {sum(self.seconds.values()) / 60:.0f} minutes"]
        notes = [
            f"* `{figure.name}`: {'. '.join(notes)}"
            for row, figures in self.figures.items()
            for figure in figures
            # The peers' figures have a table of their own.
            if (notes := _notes(figure, has_details=row != "peers"))
        ]
        parts = ["\n".join(facts), "\n".join(rows), *peers, "\n".join(notes)]
        return "\n\n".join(part for part in parts if part) + "\n"

    def table(self) -> Table:
        """Return the table for a terminal."""
        table = Table(box=None, pad_edge=False)
        table.add_column("row", no_wrap=True)
        for heading in ("ours", "baseline", "value", "target", ""):
            table.add_column(heading)
        for figure in self.all_figures():
            name, _, ours, baseline, value, target, mark = _cells(figure)
            style = {True: "green", False: "bold red", None: ""}[figure.is_met]
            table.add_row(
                name.strip("`"), ours, baseline, value, target, mark.strip("*"), style=style
            )
        for row, reason in self.failures.items():
            table.add_row(row, "failed", reason, style="bold red")
        for row, reason in self.skipped.items():
            table.add_row(row, "skipped", reason, style="dim")
        return table


def _cells(figure: Figure) -> list[str]:
    baseline = ""
    if figure.baseline is not None:
        baseline = f"{shown(figure.baseline, figure.unit)} ({figure.against})"
    return [
        f"`{figure.name}`",
        figure.what,
        shown(figure.ours, figure.unit),
        baseline,
        shown(figure.value, figure.value_unit),
        "" if figure.target is None else str(figure.target),
        MARKS[figure.is_met],
    ]


def _notes(figure: Figure, *, has_details: bool) -> list[str]:
    details = ", ".join(
        f"{name} {shown(value, figure.unit)}" for name, value in figure.details.items()
    )
    return [text for text in (figure.note, has_details and details) if text]


def _peers_table(figures: Sequence[Figure]) -> list[str]:
    """Return a table with a column for each server, if peers were measured."""
    if not figures:
        return []
    names = list(figures[0].details)
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for figure in figures:
        values = (shown(figure.details[name], figure.unit) for name in names)
        lines.append(f"| {figure.what} | {' | '.join(values)} |")
    return ["\n".join(lines)]


def _as_json(figure: Figure) -> dict[str, Any]:
    content = dataclasses.asdict(figure)
    content["target"] = None if figure.target is None else str(figure.target)
    return content | {"is_met": figure.is_met}


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
