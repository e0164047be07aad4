"""Fingerprints tell models apart by what their embeddings depend on, and by nothing else."""

import pytest
import torch
from tihua_server.clip.fingerprint import fingerprint

WEIGHTS = {"a.weight": torch.tensor([[1.0, 0.5], [0.25, 2.0]]), "b": torch.tensor([3, 4])}
SPEC = {"image_size": 224, "mean": (0.5, 0.25)}
EXPECTED = fingerprint(WEIGHTS, SPEC)


def test_a_fingerprint_is_16_hexadecimal_digits() -> None:
    """Short enough to be read out, and the same on every run."""
    assert EXPECTED == "1ea96ee91e68af6a"


@pytest.mark.parametrize(
    "weights",
    [
        dict(reversed(WEIGHTS.items())),
        WEIGHTS | {"a.weight": WEIGHTS["a.weight"].half()},
        WEIGHTS | {"a.weight": WEIGHTS["a.weight"].double()},
        WEIGHTS | {"a.weight": WEIGHTS["a.weight"].T.contiguous().T},
        WEIGHTS | {"a.weight": WEIGHTS["a.weight"].clone().requires_grad_()},
    ],
    ids=["order", "half", "double", "strides", "gradient"],
)
def test_how_the_same_values_are_stored_does_not_count(weights: dict[str, torch.Tensor]) -> None:
    """Order, precision of storage and layout leave the fingerprint as it is."""
    assert fingerprint(weights, SPEC) == EXPECTED


@pytest.mark.parametrize(
    "weights",
    [
        WEIGHTS | {"a.weight": WEIGHTS["a.weight"] + 1e-6},
        WEIGHTS | {"a.weight": WEIGHTS["a.weight"].T},
        WEIGHTS | {"a.weight": WEIGHTS["a.weight"].reshape(1, 4)},
        WEIGHTS | {"b": torch.tensor([3, 5])},
        WEIGHTS | {"c": torch.zeros(0)},
        {"a.weights": WEIGHTS["a.weight"], "b": WEIGHTS["b"]},
    ],
    ids=["value", "transposed", "shape", "integer", "another", "name"],
)
def test_another_weight_is_another_model(weights: dict[str, torch.Tensor]) -> None:
    """A value, a shape or a name that differs shows."""
    assert fingerprint(weights, SPEC) != EXPECTED


def test_another_preprocessing_is_another_model() -> None:
    """The same weights behind other pixels make other embeddings."""
    assert fingerprint(WEIGHTS, SPEC | {"image_size": 336}) != EXPECTED


def test_the_order_of_the_preprocessing_does_not_count() -> None:
    """A specification is a set of names with values."""
    assert fingerprint(WEIGHTS, dict(reversed(SPEC.items()))) == EXPECTED
