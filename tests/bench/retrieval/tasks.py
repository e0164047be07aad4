"""The tasks that are measured, or the reason why one is left out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from opencc import OpenCC
from processes import GALLERY
from tihua_server.training.emoji import TEST_SET, TRAINING_SETS, Emoji, read_names
from tihua_server.training.failures import TrainingError
from tihua_server.training.photographs import Photographs
from tihua_server.training.progress import training_progress
from tihua_server.training.retrieval import RetrievalTask, caption_task, emoji_tasks

from bench.retrieval.emoji_packages import PackagesMissing, require_packages
from bench.retrieval.nouns import noun_tasks
from bench.retrieval.outcome import Skipped

KINDS = ("photographs", "emoji", "nouns")


def tasks_of(
    kinds: tuple[str, ...], *, photographs: Path, node_modules: Path, tell: Callable[[str], None]
) -> Iterator[RetrievalTask | Skipped]:
    """Yield the tasks of some kinds, or why they are left out: materials are missing or damaged.

    Args:
        kinds: some of `KINDS`.
        photographs: a folder or tar archive with captions.tsv and val/.
        node_modules: folder of the npm packages, which are fetched if they are missing.
        tell: called with lines for people: what was found, and what of it is not used.
    """
    if "photographs" in kinds:
        try:
            captions = _caption_task(photographs, tell)
        except (OSError, TrainingError) as error:
            yield Skipped("caption → photograph", str(error))
        else:
            yield captions
            yield _in_traditional_characters(captions)
    if "emoji" in kinds:
        try:
            tasks = _emoji_tasks(node_modules)
        except (PackagesMissing, OSError, TrainingError) as error:
            yield Skipped("emoji", str(error))
        else:
            yield from tasks
    if "nouns" in kinds:
        yield from noun_tasks(GALLERY)


def _caption_task(path: Path, tell: Callable[[str], None]) -> RetrievalTask:
    if not path.exists():
        msg = f"there is no {path}: name the archive of Flickr8k-CN by --photographs"
        raise FileNotFoundError(msg)
    photographs = Photographs(path, "val", views=1, seed=0)
    tell(photographs.summary())
    with training_progress() as progress:
        photographs.verify(progress)
    return caption_task(photographs)


def _emoji_tasks(node_modules: Path) -> tuple[RetrievalTask, ...]:
    require_packages(node_modules)
    names = read_names(node_modules)
    test, noto = (
        Emoji(node_modules, one, names, views=1, seed=0) for one in (TEST_SET, TRAINING_SETS[0])
    )
    return emoji_tasks(test, noto)


def _in_traditional_characters(captions: RetrievalTask) -> RetrievalTask:
    """Return the task with its texts as OpenCC writes them in traditional characters."""
    traditional = OpenCC("s2t").convert
    queries = tuple(
        replace(query, content=traditional(query.content))
        for query in captions.queries
        if isinstance(query.content, str)
    )
    return replace(captions, name=f"{captions.name}, traditional characters", queries=queries)
