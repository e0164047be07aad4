"""The figures as pictures: each against its target, and cost against size."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, NullFormatter

from bench.figure import Figure, shown

mpl.use("Agg")

MET, NOT_MET, INK = "#2a7f62", "#c0392b", "#333333"
SPAN = 16.0
"""Bars are cut at this many times the target, or at its reciprocal; their text has the value."""


def draw_targets(figures: Sequence[Figure], path: Path, title: str) -> None:
    """Draw one bar for each figure with a target: how many times better than it, on a log scale."""
    rows = [(figure, _headroom(figure)) for figure in figures if _headroom(figure) is not None]
    if not rows:
        return
    figure_in = (11, 1.4 + 0.33 * len(rows))
    sheet, axes = plt.subplots(figsize=figure_in, layout="constrained")
    for place, (figure, headroom) in enumerate(rows):
        assert headroom is not None
        shown_headroom = min(max(headroom, 1 / SPAN), SPAN)
        colour = MET if figure.is_met else NOT_MET
        axes.barh(place, shown_headroom - 1, left=1, height=0.62, color=colour)
        is_right = shown_headroom >= 1
        text = f"{shown(figure.value, figure.value_unit)}   (target {figure.target})"
        axes.annotate(
            text,
            (max(shown_headroom, 1), place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=INK if is_right else NOT_MET,
        )
    axes.set_yticks(range(len(rows)), [figure.name for figure, _ in rows], fontsize=9)
    axes.invert_yaxis()
    _log_axis(axes, 1 / SPAN if any(not figure.is_met for figure, _ in rows) else 0.7, SPAN * 5)
    axes.axvline(1, color=INK, linewidth=1.2)
    axes.set_xlabel("times better than the target (log scale; the line is the target)", fontsize=9)
    axes.set_title(title, fontsize=10, loc="left")
    sheet.savefig(path, dpi=150)
    plt.close(sheet)


def draw_series(figures: Sequence[Figure], path: Path) -> None:
    """Draw a plot for each figure that has series: cost against size."""
    chosen = [figure for figure in figures if figure.series]
    if not chosen:
        return
    columns = min(2, len(chosen))
    lines = -(-len(chosen) // columns)
    sheet, grid = plt.subplots(
        lines, columns, figsize=(5.5 * columns, 3.6 * lines), layout="constrained", squeeze=False
    )
    for axes in grid.flat[len(chosen) :]:
        axes.set_visible(False)
    for axes, figure in zip(grid.flat, chosen, strict=False):
        for name, points in figure.series.items():
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
        axes.set_title(figure.name, fontsize=10)
        axes.set_xlabel(_size_of(figure), fontsize=9)
        axes.set_ylim(bottom=0, top=1.1 * _highest(figure))
        axes.set_ylabel(figure.unit, fontsize=9)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="lower left")
        if "batch" in figure.name:
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    sheet.savefig(path, dpi=150)
    plt.close(sheet)


def _headroom(figure: Figure) -> float | None:
    return None if figure.target is None else figure.target.headroom(figure.value)


def _log_axis(axes: Any, low: float, high: float) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xlim(low, high)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(left=False)


def _highest(figure: Figure) -> float:
    return max(height for points in figure.series.values() for _, height in points)


def _size_of(figure: Figure) -> str:
    return "batch size" if "batch" in figure.name else "pictures"
