"""Warms a model up with samples, before the first caller asks for anything."""

from tihua_server.lane import Lane
from tihua_server.model_queues import ModelQueues
from tihua_server.observer import Kind


async def warm_up(queues: ModelQueues, *, image_threads: int) -> None:
    """Compute texts and pictures, so that the first callers do not pay for it.

    Twice in each thread, which pictures that come one by one take in turn: from the second time on
    a batch takes as long as it always will, and how long that is decides how large the next may be.

    Raises:
        ModelError: the model failed.
    """
    # As bulk: nobody asks.
    for _ in range(2):
        await queues.compute_sample(Kind.TEXT, lane=Lane.BULK)
    for _ in range(2 * image_threads):
        await queues.compute_sample(Kind.IMAGE, lane=Lane.BULK)
