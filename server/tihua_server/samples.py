"""What a model is given that nobody asked for: to warm it up, and to see whether it computes.

A sample goes through the queues and threads of everybody.
"""

from tihua_server.embedder import Embedder
from tihua_server.lane import Lane
from tihua_server.observer import Kind
from tihua_server.types import RgbImage, Text


async def embed_sample(embedder: Embedder, kind: Kind, *, lane: Lane = Lane.INTERACTIVE) -> None:
    """Embed a short text or a blank picture.

    Raises:
        Overloaded, ModelError: as `Embedder.embed`.
    """
    size = embedder.model.image_size
    blank = RgbImage(bytes(size * size * 3), size, size)
    await embedder.embed([Text("夕阳西下") if kind is Kind.TEXT else blank], lane=lane)


async def warm_up(embedder: Embedder, *, image_threads: int) -> None:
    """Embed texts and pictures, so that the first callers do not pay for it.

    Twice in each thread, which pictures that come one by one take in turn: from the second time on
    a batch takes as long as it always will, and how long that is decides how large the next may be.
    """
    # As bulk: nobody asks.
    for _ in range(2):
        await embed_sample(embedder, Kind.TEXT, lane=Lane.BULK)
    for _ in range(2 * image_threads):
        await embed_sample(embedder, Kind.IMAGE, lane=Lane.BULK)
