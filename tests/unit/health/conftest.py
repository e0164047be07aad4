"""What the tests of health share."""

from collections.abc import Iterator

import pytest
from troubled_encoder import TroubledEncoder


@pytest.fixture
def model() -> Iterator[TroubledEncoder]:
    """A model that is well."""
    made = TroubledEncoder()
    yield made
    made.may_go_on.set()
