"""Rounds of attacks; the seed of a round determines what is sent."""

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fuzz.attacks import Attack
from fuzz.target import Target

EXAMPLES = 30
"""Examples per round of an attack."""


def run_round(attack: Attack, target: Target, number: int) -> None:
    """Attack a server with the examples of seed `number`, then check the server.

    Raises:
        Exception: whatever failed, with the shortest input that reproduces it.
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
