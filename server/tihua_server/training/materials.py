"""The pictures and texts that tihua-tiny learns from and is measured by."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tihua_server.training.compositions import Compositions
from tihua_server.training.emoji import TEST_SET, TRAINING_SETS, Emoji, read_names
from tihua_server.training.failures import TrainingError
from tihua_server.training.photographs import Photographs, read_splits
from tihua_server.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Materials:
    """Pictures and texts of one training.

    Attributes:
        photographs: to train on; None if there are none.
        validation: to choose weights by; None if there are none.
        emoji: the sets to train on, Noto first.
        compositions: of `emoji`; None if there are none.
        test: the set that is not trained on; None if there are no emoji.
    """

    photographs: Photographs | None
    validation: Photographs | None
    emoji: tuple[Emoji, ...] = ()
    compositions: Compositions | None = None
    test: Emoji | None = None

    @property
    def digest(self) -> str:
        """Identifies what a training learns from and is measured by on the way: all but `test`."""
        sources = (self.photographs, self.validation, *self.emoji, self.compositions)
        digests = " ".join(source.digest if source else "none" for source in sources)
        return hashlib.sha256(digests.encode()).hexdigest()[:16]


def read_materials(
    data: Path | None, node_modules: Path | None, recipe: Recipe, *, tell: Callable[[str], None]
) -> Materials:
    """Return the materials.

    Args:
        data: folder or tar archive of photographs: captions.tsv, train/, and val/ to choose weights
            by.
        node_modules: folder of npm packages with the emoji sets.
        recipe: the number of views, and the seed.
        tell: called with lines for people about what was found.

    Raises:
        FileNotFoundError: a file or a package is missing.
        TrainingError: there is nothing to train on, or it can't be read.
    """
    if data is None and node_modules is None:
        raise TrainingError("there is nothing to train on: --data or --emoji must name it")
    seed = recipe.seed
    photographs = validation = None
    if data is not None:
        photographs, validation = read_splits(
            data, views=recipe.photograph_views, seed=seed, tell=tell
        )
    if node_modules is None:
        return Materials(photographs=photographs, validation=validation)
    names = read_names(node_modules)
    emoji = tuple(
        Emoji(node_modules, one, names, views=recipe.emoji_views, seed=seed)
        for one in TRAINING_SETS
    )
    return Materials(
        photographs=photographs,
        validation=validation,
        emoji=emoji,
        compositions=Compositions(emoji, photographs, count=recipe.compositions, seed=seed),
        test=Emoji(node_modules, TEST_SET, names, views=1, seed=seed),
    )
