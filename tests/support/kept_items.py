"""What a server has left on its disk."""

import asyncio
from pathlib import Path

from tihua_server.milvus.store import Milvus
from tihua_server.search_params import Filter


def count_kept(data_dir: Path, collection: str) -> int:
    """Open the store of a server that has ended; return how many items a collection has."""

    async def count() -> int:
        store = await Milvus.open(data_dir)
        try:
            return await store.count(collection, Filter())
        finally:
            await store.close()

    return asyncio.run(count())
