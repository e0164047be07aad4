"""Helpers of the reindex tests: result types, pictures, and update times of items."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tihua

LONG_AGO = datetime(2001, 2, 3, tzinfo=UTC)
PICTURES = 120

EMBEDDED_ALONE = pytest.mark.parametrize("app", ["embedded"], indirect=True)
"""Runs a test on the embedded store only: a reindex on a Milvus server takes 20 s."""

Done = tuple[tihua.ReindexSummary, list[tihua.ReindexProgress]]
Reindex = Callable[..., Done]
"""Runs a reindex of `photos`; the fixture `reindex` documents its parameters."""


def pictures(folder: Path) -> list[Path]:
    """Return the files of a folder, sorted."""
    return sorted(folder.iterdir())


async def times(client: tihua.AsyncClient, collection: str) -> dict[str, datetime | None]:
    """Return when each item of a collection was written."""
    items = client.list_items(fields=("update_time",), collection=collection)
    return {item.id: item.update_time async for item in items}
