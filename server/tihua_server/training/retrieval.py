"""What retrieval is measured by: galleries, and queries that tell which of their pictures fit.

A task is the same whether a model answers it in this process (`evaluation.py`, after a training)
or a running service over gRPC (`make eval`): pictures are encoded files, as a client sends them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tihua_server.training.emoji import Emoji, is_flag
from tihua_server.training.photographs import Photographs


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures to find.

    Attributes:
        name: lower-case words with hyphens, unlike any other gallery's.
        pictures: encoded files by id; they may be read from disk at each access.
    """

    name: str
    pictures: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, and what would be right.

    Attributes:
        content: a text, or an encoded picture.
        wanted: ids of the pictures that fit, at least one; the best placed of them counts.
    """

    content: str | bytes
    wanted: frozenset[str]


@dataclass(frozen=True, slots=True)
class RetrievalTask:
    """Queries over one gallery.

    Attributes:
        name: for people: `caption → photograph`.
        gallery: what is searched.
        queries: at least one; all texts or all pictures.
    """

    name: str
    gallery: Gallery
    queries: tuple[Query, ...]


class _Files(Mapping[str, bytes]):
    """The files of a source by group, read at each access: a split of photographs may be large."""

    def __init__(self, source: Photographs | Emoji) -> None:
        self._source = source
        self._index = {source.group(index): index for index in range(len(source))}

    def __getitem__(self, name: str) -> bytes:
        return self._source.file(self._index[name])

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


def caption_task(photographs: Photographs) -> RetrievalTask:
    """Return the task in which every caption seeks its photograph among all of the split."""
    indices = range(len(photographs))
    gallery = Gallery(photographs.name, _Files(photographs))
    return RetrievalTask(
        "caption → photograph",
        gallery,
        tuple(
            Query(text, frozenset([photographs.group(index)]))
            for index in indices
            for text in photographs.texts(index)
        ),
    )


def emoji_tasks(test: Emoji, known: Emoji) -> tuple[RetrievalTask, ...]:
    """Return tasks over the emoji of one set: to be found by name, and by their twin.

    Each once more without queries for flags, which look nearly the same in every set.

    Args:
        test: the gallery; every emoji is sought by its first Chinese name.
        known: the set whose pictures seek the same emoji in the gallery, where it has it.
    """
    gallery = Gallery(test.name, _Files(test))
    by_name = f"name → {test.title} emoji"
    names = {
        test.group(index): Query(test.texts(index)[0], frozenset([test.group(index)]))
        for index in range(len(test))
    }
    by_twin = f"{known.title} emoji → its {test.title} twin"
    twins = {
        code: Query(known.file(index), frozenset([code]))
        for index in range(len(known))
        if (code := known.group(index)) in gallery.pictures
    }
    tasks = []
    for title, queries in ((by_name, names), (by_twin, twins)):
        others = tuple(query for code, query in queries.items() if not is_flag(code))
        tasks.append(RetrievalTask(title, gallery, tuple(queries.values())))
        if 0 < len(others) < len(queries):
            tasks.append(RetrievalTask(f"{title}, no flags", gallery, others))
    return tuple(tasks)
