"""What every test may use."""

import pytest
from fake_encoder import FakeEncoder


@pytest.fixture
def encoder() -> FakeEncoder:
    """A fake model."""
    return FakeEncoder()
