"""What retrieval is measured by: galleries, and queries that tell which of their pictures fit.

A task is the same whether a model answers it in this process (`evaluation.py`, after a training)
or a running service over gRPC (`make eval`): pictures are encoded files, as a client sends them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tihua_server.training.emoji import Emoji
from tihua_server.training.photographs import Photographs


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures to find.

    Attributes:
        name: lower-case words with hyphens, unlike any other gallery's.
        pictures: encoded files by id.
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


def caption_task(photographs: Photographs) -> RetrievalTask:
    """Return the task in which every caption seeks its photograph among all of the split."""
    indices = range(len(photographs))
    gallery = Gallery(
        photographs.name, {photographs.group(index): photographs.file(index) for index in indices}
    )
    return RetrievalTask(
        "caption → photograph",
        gallery,
        tuple(
            Query(text, frozenset([photographs.group(index)]))
            for index in indices
            for text in photographs.texts(index)
        ),
    )


def emoji_tasks(test: Emoji, known: Emoji) -> tuple[RetrievalTask, RetrievalTask]:
    """Return two tasks over the emoji of one set: to be found by name, and by their twin.

    Args:
        test: the gallery; every emoji is sought by its first Chinese name.
        known: the set whose pictures seek the same emoji in the gallery, where it has it.
    """
    gallery = Gallery(
        test.name, {test.group(index): test.file(index) for index in range(len(test))}
    )
    names = tuple(
        Query(test.texts(index)[0], frozenset([test.group(index)])) for index in range(len(test))
    )
    twins = tuple(
        Query(known.file(index), frozenset([known.group(index)]))
        for index in range(len(known))
        if known.group(index) in gallery.pictures
    )
    return (
        RetrievalTask(f"name → {test.title} emoji", gallery, names),
        RetrievalTask(f"{known.title} emoji → its {test.title} twin", gallery, twins),
    )
