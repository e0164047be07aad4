"""Warms a model up with samples, before the first call."""

from tihua_server.batching.lane import Lane
from tihua_server.model_queues import ModelQueues
from tihua_server.observer import Kind


async def warm_up(queues: ModelQueues, *, image_threads: int) -> None:
    """Compute sample texts and pictures, so that the first callers do not pay for the warm-up.

    Two in each thread: pictures that are submitted one by one go to the threads in turn. From the
    second on a batch takes its usual time, which decides how large the next one may be.

    Raises:
        ModelError: the model failed.
    """
    # As bulk: no caller is waiting.
    for _ in range(2):
        await queues.compute_sample(Kind.TEXT, lane=Lane.BULK)
    for _ in range(2 * image_threads):
        await queues.compute_sample(Kind.IMAGE, lane=Lane.BULK)
