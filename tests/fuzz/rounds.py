"""Rounds of attacks: what is sent in one is settled by its seed."""

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fuzz.attacks import Attack
from fuzz.target import Target

EXAMPLES = 30
"""Examples of an attack before it is the next one's turn, and the server is looked at."""


def run_round(attack: Attack, target: Target, number: int) -> None:
    """Attack a server with the examples of a seed, the same each time, and look at it.

    Raises:
        Exception: whatever gave way, with the shortest input that makes it do so.
    """

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
