"""The demo's queries on its gallery: the packaged model finds what the sheets in docs/ show."""

import numpy as np
import pytest
from tihua_server.clip.loading import load_encoder
from tihua_server.config import Config
from tihua_server.demo import EVERYDAY, POEM
from tihua_server.packaged_gallery import GALLERY, picture_pixels

SHOWN = 5
"""Number of pictures per query on a sheet."""

FITTING = {
    "一只猫": ({"cat"}, 5),
    "海滩上玩耍的孩子": ({"beach", "seaside"}, 4),
    "雪地里奔跑的狗": ({"snow", "snowy", "dog", "dogs"}, 4),
    "红色的摩托车": ({"motorcycle", "scooter"}, 5),
    "小桥流水人家": ({"bridge", "house"}, 2),
    "古道西风瘦马": ({"horse"}, 3),
    "夕阳西下": ({"sunset", "dusk", "sunrise"}, 3),
    "断肠人在天涯": ({"heart", "crying"}, 4),
}
"""By query: words in the names of fitting pictures, and how many fitting ones must be shown."""


@pytest.fixture(scope="module")
def shown() -> dict[str, list[str]]:
    """Return the names of the pictures that a sheet shows for each query, best first."""
    encoder = load_encoder(Config())  # as in the demo
    suffixes = {".jpg", ".png", ".webp"}
    names = sorted(path.name for path in GALLERY.iterdir() if path.suffix in suffixes)
    side = encoder.info.image_size
    rows = [
        encoder.encode_images([picture_pixels(name, side) for name in names[start : start + 32]])
        for start in range(0, len(names), 32)
    ]
    queries = (*EVERYDAY, *POEM)
    texts = encoder.encode_texts([encoder.tokenize(query).ids for query in queries])
    best = np.argsort(-texts @ np.concatenate(rows).T, axis=1)[:, :SHOWN]
    return {query: [names[at] for at in row] for query, row in zip(queries, best, strict=True)}


@pytest.mark.parametrize("query", FITTING)
def test_fitting_pictures_come_first(shown: dict[str, list[str]], query: str) -> None:
    """This holds for the everyday phrases, and for four of the five lines of the poem."""
    words, count = FITTING[query]
    fits = [bool(words & set(name.partition(".")[0].split("_"))) for name in shown[query]]
    assert fits[0], shown[query]
    assert sum(fits) >= count, shown[query]


def test_every_query_of_the_demo_is_looked_at() -> None:
    """One line is left out, because nothing fits: its tree is a palm, and there is no crow."""
    assert {*EVERYDAY, *POEM} - {*FITTING} == {"枯藤老树昏鸦"}
