"""A test that lacks a program: skipped where people work, red in CI."""

import pytest
from needs import need

MISSING = "no-such-program"
MESSAGE = "apt-get install no-such-program"


def test_it_is_skipped_where_people_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to install is named."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=MESSAGE):
        need("sh", MISSING)


def test_it_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is checked by nothing is not green."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=MESSAGE):
        need("sh", MISSING)


def test_what_is_there_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI too."""
    monkeypatch.setenv("CI", "true")
    need("sh")
