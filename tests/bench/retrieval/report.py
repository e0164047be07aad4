"""Writes results as a table on the terminal, as Markdown and as JSON."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from bench.retrieval.outcome import Run, Skipped, losers, loss, reference_of

COLUMNS = ("task", "engine", "queries", "pictures", "R@1", "R@5", "R@10", "median rank")
LOSS = "R@10 against fp32"


def write_report(folder: Path, runs: Sequence[Run], skipped: Sequence[Skipped]) -> None:
    """Write eval.json and eval.md; the folder is made if absent."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "runs": [run.as_json() for run in runs],
        "skipped": [{"task": one.name, "reason": one.reason} for one in skipped],
        "losses_beyond_the_bound": losers(runs),
    }
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    (folder / "eval.json").write_text(text, encoding="utf-8")
    (folder / "eval.md").write_text(as_markdown(runs, skipped), encoding="utf-8")


def as_table(runs: Sequence[Run]) -> Table:
    """Return the results as a table for a terminal."""
    table = Table(title=_title(runs), title_justify="left", box=box.SIMPLE)
    for name in _header(runs):
        is_word = name in {"task", "engine"}
        table.add_column(name, justify="left" if is_word else "right", no_wrap=is_word)
    for row in _rows(runs):
        table.add_row(*row)
    return table


def as_markdown(runs: Sequence[Run], skipped: Sequence[Skipped]) -> str:
    """Return results, missed queries and skipped tasks as Markdown."""
    header = _header(runs)
    lines = [_title(runs), "", f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(runs)]
    for run in runs:
        for outcome in run.outcomes:
            if outcome.missed:
                words = "、".join(outcome.missed)
                lines += ["", f"Not in the top 5 of {outcome.task} ({run.engine}): {words}."]
    for one in skipped:
        lines += ["", f"Left out: {one.name}: {one.reason}."]
    return "\n".join(lines) + "\n"


def _title(runs: Sequence[Run]) -> str:
    model, store = runs[0].model.ref, runs[0].server.store
    return f"{model.id} ({model.fingerprint}), {store}, FLAT index"


def _header(runs: Sequence[Run]) -> list[str]:
    return [*COLUMNS, LOSS] if reference_of(runs) else [*COLUMNS]


def _rows(runs: Sequence[Run]) -> Iterator[list[str]]:
    """Yield a row for each task and run, grouped by task."""
    reference = reference_of(runs)
    for task in range(len(runs[0].outcomes)):
        for run in runs:
            outcome = run.outcomes[task]
            row = [outcome.task, run.engine, str(outcome.recall.queries), str(outcome.pictures)]
            row += [f"{share:.1f}" for share in outcome.recall.at.values()]
            row.append(f"{outcome.recall.median_rank:g}")
            if reference is not None:
                row.append("—" if run is reference else f"{0.0 - loss(run, reference, task):+.1f}")
            yield row
