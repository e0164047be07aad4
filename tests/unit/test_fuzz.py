"""What `make fuzz` sends."""

import re
from collections.abc import Iterable, Sequence

import pytest
from fuzz.attacks import ATTACKS, Attack
from fuzz.rounds import run_round
from fuzz.target import Target

SESSION = re.compile(rb"[0-9a-f]{32}")


class Recorder(Target):
    """Notes what is sent, and refuses all of it."""

    def __init__(self) -> None:
        """Have got nothing."""
        self.inputs = 0
        self.sent: list[bytes] = []

    def call(self, method: str, requests: Iterable[bytes]) -> list[bytes | None]:
        """Refuse calls."""
        told = list(requests)
        self.sent += [method.encode(), *told]
        return [None] * len(told)

    def stream(self, method: str, requests: Sequence[bytes], *, read: int | None) -> list[bytes]:
        """Refuse a stream; its session is called otherwise each time."""
        nameless = [SESSION.sub(b"", request) for request in requests]
        self.sent += [f"{method} {read}".encode(), *nameless]
        return []

    def check(self) -> None:
        """Be well."""


def sent_by(attack: Attack, number: int) -> list[bytes]:
    """Return what a round of an attack sends."""
    recorder = Recorder()
    run_round(attack, recorder, number)
    return recorder.sent


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_seed_settles_what_a_round_sends(attack: Attack) -> None:
    """So that a check sends the same each time, and a finding can be seen again."""
    sent = sent_by(attack, 1)
    assert sent
    assert sent == sent_by(attack, 1)
