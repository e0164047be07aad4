"""Features of ImageNet classes, drawn without pictures."""

import numpy as np
from tihua_server.training.backbone import Classifier
from tihua_server.training.prototypes import MAX_FEATURE, Prototypes, read_words

CLASSES = 1000
DIM = 6


def _classifier(seed: int = 1) -> Classifier:
    random = np.random.default_rng(seed)
    weight = random.standard_normal((CLASSES, DIM)).astype(np.float32)
    return Classifier(weight, np.zeros(CLASSES, np.float32))


def _prototypes(draws: int = 3, seed: int = 0) -> Prototypes:
    features = np.random.default_rng(2).uniform(0, 2, (50, DIM)).astype(np.float32)
    return Prototypes(features, _classifier(), draws=draws, seed=seed)


def test_every_named_class_is_drawn() -> None:
    """`draws` times, with its own names."""
    drawn = _prototypes()
    words = read_words()
    assert len(drawn) == 3 * len(words) == len(drawn.features)
    assert drawn.texts(0) == drawn.texts(2) == words[min(words)]
    assert drawn.texts(3) == words[sorted(words)[1]]


def test_features_are_such_as_the_tower_gives() -> None:
    """Averages of ReLU6, in float32."""
    features = _prototypes().features
    assert features.dtype == np.float32
    assert features.shape[1] == DIM
    assert features.min() >= 0
    assert features.max() <= MAX_FEATURE


def test_a_seed_fixes_the_draws() -> None:
    """And another one changes them."""
    assert (_prototypes(seed=3).features == _prototypes(seed=3).features).all()
    assert (_prototypes(seed=3).features != _prototypes(seed=4).features).any()


def test_classes_of_one_name_are_one_group() -> None:
    """Two breeds of dog are both 狗, and no negatives of each other."""
    drawn = _prototypes(draws=1)
    dogs = [index for index in range(len(drawn)) if drawn.texts(index)[0] == "狗"]
    assert len(dogs) > 1
    assert len({drawn.group(index) for index in dogs}) == 1


def test_the_word_list_names_classes_that_there_are() -> None:
    """Numbers of ImageNet-1k, each with one name or more."""
    words = read_words()
    assert set(words) <= set(range(CLASSES))
    assert all(names and all(names) for names in words.values())


def test_a_moved_classifier_scores_as_the_one_before() -> None:
    """If the features of all pictures are rotated and shifted."""
    random = np.random.default_rng(5)
    before = random.uniform(0, 2, (200, DIM)).astype(np.float32)
    turn = np.eye(DIM) + 0.3 * random.standard_normal((DIM, DIM))
    after = (before @ turn + 1).astype(np.float32)
    classifier = _classifier()
    moved = classifier.moved(before, after)
    np.testing.assert_allclose(moved.scores(after), classifier.scores(before), atol=0.1)


def test_a_tower_that_sees_all_pictures_alike_moves_the_classifier_to_the_mean() -> None:
    """As with an untrained tower: features carry no information."""
    before = np.random.default_rng(6).uniform(0, 2, (4, DIM)).astype(np.float32)
    alike = np.ones((4, DIM), np.float32)
    classifier = _classifier()
    scores = classifier.moved(before, alike).scores(alike)
    np.testing.assert_allclose(scores, [classifier.scores(before).mean(axis=0)] * 4, rtol=1e-5)
