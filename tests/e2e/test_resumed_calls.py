"""Calls of ingest with the session id of an earlier call, against a running server."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tihua


def test_the_session_id_of_a_call_that_finished_begins_anew(
    client: tihua.Client, collection: str
) -> None:
    """In mode upsert, on the same server, the new content is written."""
    for uri in ("first", "second"):
        item = tihua.Item("a", text="马", uri=uri)
        summary = client.ingest([item], session_id="twice", collection=collection)
        assert summary.written == 1
    [stored] = client.get_items(["a"], collection=collection)
    assert stored.uri == "second"


class Killed(Exception):
    """Simulates a killed process, midway: 24 batches are more than are granted."""


def test_files_that_are_safe_may_be_gone_when_a_call_is_resumed(
    client: tihua.Client, collection: str, tmp_path: Path, pictures: Sequence[Path]
) -> None:
    """A spool is emptied as its files are stored; the remaining files are sent, none is skipped."""
    spool = [tmp_path / picture.name for picture in pictures]
    for picture, file in zip(pictures, spool, strict=True):
        shutil.copy(picture, file)
    items = [tihua.Item(file.name, image=file) for file in spool]
    missing = tihua.Item("missing", image=tmp_path / "missing.jpg")
    items.insert(1, missing)

    def empty_the_spool(progress: tihua.IngestProgress) -> None:
        if progress.written:
            for file in spool[: progress.written]:
                file.unlink()
            raise Killed

    options: dict[str, Any] = {"session_id": "spool", "batch_size": 1, "collection": collection}
    with pytest.raises(Killed):
        client.ingest(items, on_progress=empty_the_spool, **options)
    summary = client.ingest(items, **options)
    assert (summary.written, summary.failed) == (len(spool), 1)
    stored = {item.id for item in client.list_items(fields=[], collection=collection)}
    assert stored == {file.name for file in spool}


def test_a_session_is_not_resumed_with_other_items(client: tihua.Client, collection: str) -> None:
    """They would be mistaken for the safe ones, so the call fails and sends nothing."""

    def kill(_: tihua.IngestProgress) -> None:
        raise Killed

    items = [tihua.Item(f"{number}", text="马") for number in range(24)]
    options: dict[str, Any] = {"session_id": "mixed", "batch_size": 1, "collection": collection}
    with pytest.raises(Killed):
        client.ingest(items, on_progress=kill, **options)
    with pytest.raises(tihua.FailedPreconditionError, match="use a new session id"):
        client.ingest(items[::-1], **options)
    assert client.ingest(items, **options).written == 24
