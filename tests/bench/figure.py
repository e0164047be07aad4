"""The result of a row: our figure, the baseline's, and whether the target is met."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Series: TypeAlias = Sequence[tuple[float, float]]
"""Points of a line in a plot."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a value must reach.

    Attributes:
        bound: the value that just meets the target.
        is_minimum: whether more is better; otherwise less is.
        ideal: the best possible value, if more is better and there is one: 1 for a cosine.
    """

    bound: float
    is_minimum: bool
    ideal: float | None = None

    def __str__(self) -> str:
        """Return it as the table shows it: `≥ 4.5`."""
        return f"{'≥' if self.is_minimum else '≤'} {self.bound:g}"

    def is_met(self, value: float) -> bool:
        """Return whether `value` reaches the bound."""
        return value >= self.bound if self.is_minimum else value <= self.bound

    def headroom(self, value: float) -> float | None:
        """Return how many times better than the bound a value is: 1 just meets it.

        None if the bound is 0, of which there is no multiple.
        """
        if self.bound == 0:
            return None
        if self.ideal is not None:
            # Near the ideal, what counts is the distance to it.
            return (self.ideal - self.bound) / max(self.ideal - value, 1e-9)
        if self.is_minimum:
            return value / self.bound
        # A value below a thousandth of the bound, or negative, counts as a thousandth.
        return self.bound / max(value, self.bound / 1000)


def at_least(bound: float, *, ideal: float | None = None) -> Target:
    """Return the target of a value that is better when larger."""
    return Target(bound, is_minimum=True, ideal=ideal)


def at_most(bound: float) -> Target:
    """Return the target of a value that is better when smaller."""
    return Target(bound, is_minimum=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table.

    Attributes:
        name: its name in the table and in JSON: `image_ratio_bf16`.
        what: what was measured, in a few words.
        ours, baseline: medians over the rounds, in `unit`; None where there is nothing to compare.
        against: what the baseline is.
        unit: of `ours` and `baseline`.
        value: the value that the target applies to, in `value_unit`: mostly the ratio of the two.
        target: None if the figure is for information only.
        details: further figures by name, in `unit`: each peer's, for example.
        rounds: what each round measured: our figure and the baseline's.
        series: lines for a plot, by name.
        note: what else a reader must know.
    """

    name: str
    what: str
    ours: float
    unit: str
    value: float
    value_unit: str
    baseline: float | None = None
    against: str = ""
    target: Target | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    rounds: Sequence[tuple[float, float | None]] = ()
    series: Mapping[str, Series] = field(default_factory=dict)
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.target.is_met(self.value)


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each figure over the rounds."""
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def ratio_figure(
    name: str,
    what: str,
    *,
    rounds: Sequence[tuple[float, float]],
    unit: str,
    against: str,
    target: Target | None,
    details: Mapping[str, float] | None = None,
    note: str = "",
) -> Figure:
    """Return the figure whose value is our median over the baseline's.

    Args:
        name: name of the figure.
        what: in a few words.
        rounds: our figure and the baseline's, one pair a round.
        unit: of both.
        against: what the baseline is.
        target: of the ratio.
        details: further figures, in `unit`.
        note: what else a reader must know.
    """
    ours = statistics.median(ours for ours, _ in rounds)
    baseline = statistics.median(baseline for _, baseline in rounds)
    return Figure(
        name=name,
        what=what,
        ours=ours,
        baseline=baseline,
        unit=unit,
        against=against,
        value=ours / baseline,
        value_unit="×",
        target=target,
        details=details or {},
        rounds=list(rounds),
        note=note,
    )


def plain_figure(
    name: str,
    what: str,
    *,
    rounds: Sequence[float],
    unit: str,
    target: Target | None = None,
    details: Mapping[str, float] | None = None,
    note: str = "",
) -> Figure:
    """Return the figure whose value is our own median, without a baseline."""
    ours = statistics.median(rounds)
    return Figure(
        name=name,
        what=what,
        ours=ours,
        unit=unit,
        value=ours,
        value_unit=unit,
        target=target,
        details=details or {},
        rounds=[(each, None) for each in rounds],
        note=note,
    )


def shown(value: float, unit: str = "") -> str:
    """Return a number with a sensible number of digits, and its unit: `5.12×`."""
    if unit == "cosine":
        return f"{value:.5f}"
    size = abs(value)
    digits = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2
    if 0 < size < 0.2:
        digits = 3
    text = f"{value:,.{digits}f}".replace(",", " ")
    return f"{text}{unit}" if unit in {"×", "%"} else f"{text} {unit}".rstrip()
