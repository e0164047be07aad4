"""Features of things that no photograph of ours shows, drawn from the ImageNet classifier.

The backbone comes with the classifier that it was trained with. Under the usual assumption that
the features of every class have the same covariance S, the weights of a class are
W_c = S⁻¹ (m_c - m) (linear discriminant analysis; Bishop 2006, §4.2), so m_c = m + S W_c: the mean
feature of a class without a picture of it. A feature of the class is drawn as that mean plus the
deviation of some photograph from the mean of its own class.
"""

import csv
import hashlib
from importlib import resources
from typing import cast

import numpy as np

from tihua_server.training.backbone import Classifier
from tihua_server.types import FloatArray

MAX_FEATURE = 6.0
"""Features are averages of ReLU6."""

STRENGTH = 2.0
"""Factor by which a class mean's distance from the overall mean is enlarged; it would be 1 if the
assumption held. At 1, means have 0.51 to 0.65 of the length of those of photographs that the
classifier is sure of (mountain bike, ski, soccer ball, …), and a cosine of 0.58 to 0.86 with
them."""

SPREAD = 0.7
"""Share of a photograph's own deviation that a drawn feature keeps."""


class Prototypes:
    """Features drawn for the ImageNet classes that `imagenet_words.tsv` names in Chinese.

    Args:
        features: (count, 1280) pooled features of photographs, which give the covariance.
        classifier: of ImageNet's classes, over such features.
        draws: number of features to draw for each class.
        seed: of the draws.
    """

    name = "imagenet"

    def __init__(
        self, features: FloatArray, classifier: Classifier, *, draws: int, seed: int
    ) -> None:
        words = read_words()
        self.digest = hashlib.sha256(f"{seed} {draws} {sorted(words.items())}".encode()).hexdigest()
        """Identifies the draws, given the classifier and the photographs."""
        self._numbers = sorted(words)
        self._words = [words[number] for number in self._numbers]
        self._draws = draws
        weight = classifier.weight
        mean = features.mean(axis=0)
        shifts = STRENGTH * (weight - weight.mean(axis=0)) @ np.cov(features, rowvar=False)
        deviations = features - mean - _softmax(classifier.scores(features)) @ shifts
        random = np.random.default_rng(seed)
        chosen = random.integers(len(features), size=len(self))
        means = np.repeat(mean + shifts[self._numbers], draws, axis=0)
        drawn = np.clip(means + SPREAD * deviations[chosen], 0.0, MAX_FEATURE)
        self.features: FloatArray = drawn.astype(np.float32)
        """(len(self), 1280): features like those of pictures of the classes."""

    def __len__(self) -> int:
        """Return the number of features, `draws` for each class."""
        return len(self._numbers) * self._draws

    def texts(self, index: int) -> tuple[str, ...]:
        """Return the names of the class."""
        return self._words[index // self._draws]

    def group(self, index: int) -> str:
        """Return the first name, which related classes share: many breeds are 狗."""
        return f"{self.name} {self.texts(index)[0]}"


def _softmax(scores: FloatArray) -> FloatArray:
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    return cast("FloatArray", likely / likely.sum(axis=1, keepdims=True))


def read_words() -> dict[int, tuple[str, ...]]:
    """Return the Chinese names of ImageNet classes by number; a later line overrides an earlier."""
    text = (resources.files(__package__) / "imagenet_words.tsv").read_text(encoding="utf-8")
    words: dict[int, tuple[str, ...]] = {}
    for numbers, names in csv.reader(text.splitlines(), delimiter="\t"):
        first, _, last = numbers.partition("-")
        for number in range(int(first), int(last or first) + 1):
            words[number] = tuple(names.split(" "))
    return words
