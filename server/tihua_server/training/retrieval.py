"""Retrieval tasks: galleries, and queries with the pictures that fit them.

A task can be answered by a model in this process (`evaluation.py`, after a training) or by a
running service over gRPC (`make eval`): pictures are encoded files, as a client sends them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tihua_server.training.emoji import Emoji, is_flag
from tihua_server.training.photographs import Photographs


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures to find.

    Attributes:
        name: unique; lower-case words with hyphens.
        pictures: encoded files by id; they may be read from disk at each access.
    """

    name: str
    pictures: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Query:
    """A query, and the pictures that fit it.

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
        gallery: to search.
        queries: one or more; all texts or all pictures.
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
    """Return the task to find each photograph of a split by each of its captions."""
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
    """Return the tasks to find the emoji of one set by name, and by another set's picture.

    Each is repeated without queries for flags, which look nearly the same in every set.

    Args:
        test: the gallery; the first Chinese name of each emoji is a query.
        known: the other set; its pictures of emoji that the gallery has are queries.
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
