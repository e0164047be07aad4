"""What tests of a reindex look at: what it tells, its pictures, and when items were written."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tihua

LONG_AGO = datetime(2001, 2, 3, tzinfo=UTC)
PICTURES = 120

EMBEDDED_ALONE = pytest.mark.parametrize("app", ["embedded"], indirect=True)
"""For what a Milvus server, where each reindex takes 20 s, has no part in."""

Done = tuple[tihua.ReindexSummary, list[tihua.ReindexProgress]]
Reindex = Callable[..., Done]
"""Runs a reindex of `photos`; the fixture of that name tells with what."""


def pictures(folder: Path) -> list[Path]:
    """Return what is in a folder."""
    return sorted(folder.iterdir())


async def times(client: tihua.AsyncClient, collection: str) -> dict[str, datetime | None]:
    """Return when each item of a collection was written."""
    items = client.list_items(fields=("update_time",), collection=collection)
    return {item.id: item.update_time async for item in items}
