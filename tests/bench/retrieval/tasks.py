"""What is measured, as far as its pictures are at hand."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from opencc import OpenCC
from processes import GALLERY
from tihua_server.training.emoji import TEST_SET, TRAINING_SETS, Emoji, read_names
from tihua_server.training.photographs import Photographs
from tihua_server.training.retrieval import RetrievalTask, caption_task, emoji_tasks

from bench.retrieval.emoji_packages import PackagesMissing, require_packages
from bench.retrieval.nouns import noun_tasks
from bench.retrieval.outcome import Skipped

KINDS = ("photographs", "emoji", "nouns")


def tasks_of(
    kinds: tuple[str, ...], *, photographs: Path, node_modules: Path
) -> Iterator[RetrievalTask | Skipped]:
    """Yield the tasks of some kinds, or why they are left out.

    Args:
        kinds: some of `KINDS`.
        photographs: a folder or tar archive with captions.tsv and val/.
        node_modules: folder of the npm packages; they are fetched when they are not there.
    """
    if "photographs" in kinds:
        if photographs.exists():
            captions = caption_task(Photographs(photographs, "val", views=1, seed=0))
            yield captions
            yield _in_traditional_characters(captions)
        else:
            reason = f"there is no {photographs}: name the archive of Flickr8k-CN by --photographs"
            yield Skipped("caption → photograph", reason)
    if "emoji" in kinds:
        try:
            require_packages(node_modules)
        except PackagesMissing as error:
            yield Skipped("emoji", str(error))
        else:
            names = read_names(node_modules)
            test, noto = (
                Emoji(node_modules, one, names, views=1, seed=0)
                for one in (TEST_SET, TRAINING_SETS[0])
            )
            yield from emoji_tasks(test, noto)
    if "nouns" in kinds:
        yield from noun_tasks(GALLERY)


def _in_traditional_characters(captions: RetrievalTask) -> RetrievalTask:
    """Return the task with its texts as OpenCC writes them in traditional characters."""
    traditional = OpenCC("s2t").convert
    queries = tuple(
        replace(query, content=traditional(query.content))
        for query in captions.queries
        if isinstance(query.content, str)
    )
    return replace(captions, name=f"{captions.name}, traditional characters", queries=queries)
