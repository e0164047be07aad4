"""What tihua-tiny learns from and is measured by, read from where the user keeps it."""

from dataclasses import dataclass
from pathlib import Path

from tihua_server.training.compositions import Compositions
from tihua_server.training.emoji import TEST_SET, TRAINING_SETS, Emoji, read_names
from tihua_server.training.photographs import Photographs
from tihua_server.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Materials:
    """Pictures and texts of one training.

    Attributes:
        photographs: to train on.
        validation: to choose by.
        emoji: the sets to train on, Noto the first.
        compositions: of those.
        test: the set that is kept out of the training.
    """

    photographs: Photographs
    validation: Photographs
    emoji: tuple[Emoji, ...]
    compositions: Compositions
    test: Emoji


def read_materials(data: Path, node_modules: Path, recipe: Recipe) -> Materials:
    """Return the materials.

    Args:
        data: folder or tar archive of photographs: captions.tsv, train/, val/.
        node_modules: folder of npm packages with the emoji sets.
        recipe: how many views, and of which seed.

    Raises:
        FileNotFoundError: a file or a package is not there.
        ValueError: a split has no captioned picture.
    """
    seed = recipe.seed
    photographs = Photographs(data, "train", views=recipe.photograph_views, seed=seed)
    names = read_names(node_modules)
    emoji = tuple(
        Emoji(node_modules, one, names, views=recipe.emoji_views, seed=seed)
        for one in TRAINING_SETS
    )
    return Materials(
        photographs=photographs,
        validation=Photographs(data, "val", views=1, seed=seed),
        emoji=emoji,
        compositions=Compositions(emoji, photographs, count=recipe.compositions, seed=seed),
        test=Emoji(node_modules, TEST_SET, names, views=1, seed=seed),
    )
