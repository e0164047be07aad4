"""`make eval` with a running server."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import tihua
from bench.retrieval.service import IncompleteGalleryError, measure
from processes import ServerProcess
from rich.progress import Progress
from tihua_server.training.retrieval import Gallery, Query, RetrievalTask


def _task(name: str, gallery: Gallery, count: int) -> RetrievalTask:
    """Return a task in which the first pictures must find themselves."""
    pictures = list(gallery.pictures.items())[:count]
    return RetrievalTask(name, gallery, tuple(Query(file, frozenset([i])) for i, file in pictures))


async def test_pictures_find_themselves(
    server: ServerProcess, client: tihua.Client, pictures: Sequence[Path]
) -> None:
    """Tasks on one gallery share a collection, which is deleted at the end."""
    gallery = Gallery("self", {path.name: path.read_bytes() for path in pictures[:6]})
    tasks = [_task("one", gallery, 6), _task("two", gallery, 3)]
    run = await measure(server.address, tasks, Progress(disable=True), in_flight=4)
    assert [outcome.task for outcome in run.outcomes] == ["one", "two"]
    assert [outcome.recall.at[1] for outcome in run.outcomes] == [100.0, 100.0]
    assert [outcome.recall.queries for outcome in run.outcomes] == [6, 3]
    assert run.model.ref.id == "tihua-tiny"
    assert not [one for one in client.list_collections() if one.name.startswith("eval_")]


async def test_a_gallery_with_a_broken_picture_is_not_measured(
    server: ServerProcess, client: tihua.Client, pictures: Sequence[Path]
) -> None:
    """The error names the picture, and the collection is deleted."""
    gallery = Gallery("self", {"good": pictures[0].read_bytes(), "bad": b"no picture"})
    task = _task("broken", gallery, 1)
    with pytest.raises(IncompleteGalleryError, match=r"1 of 2 pictures of self .*bad"):
        await measure(server.address, [task], Progress(disable=True), in_flight=4)
    assert not [one for one in client.list_collections() if one.name.startswith("eval_")]
