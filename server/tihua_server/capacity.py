"""What the models of a server share: threads, and the bounds on inputs in progress.

Two models on the same cores would each use all of them, and both be slower than one after the
other. So the batches of all models take turns in one set of threads, interactive ones first.
Pictures are decoded in one set of threads too, and the bounds on memory hold for all models
together. Each model has its own queues of tokens and pixels.
"""

import asyncio
import time

from tihua_server.batching.admission import LARGE_SHARE, Admission
from tihua_server.batching.lane import Lane
from tihua_server.batching.pixel_room import PixelRoom
from tihua_server.batching.workers import Workers
from tihua_server.config import Config
from tihua_server.errors import DeviceLost
from tihua_server.niceness import lower_priority

STREAM_BATCHES = 2
"""How much of a lane ingest streams may hold, in batches: one being computed, one being prepared.
Pictures are admitted one by one, so these are the model's batches; texts are admitted a batch of
the client's at a time, so these are the largest that a client may send."""


class Capacity:
    """Threads and bounds; belongs to one event loop.

    Attributes:
        picture_workers: compute pictures.
        text_workers: compute texts; the same where texts and pictures take turns.
        preprocess_workers: decode and tokenize.
        pixel_room: bounds what is being decoded at once.
        text_admissions: the texts of each lane that are queued or in progress.
        picture_admissions: likewise its pictures.
        device_lost: set when the device has failed permanently: every later batch fails too.
    """

    def __init__(self, config: Config, *, image_streams: int) -> None:
        """Create the threads that models of `image_streams` need: see `Encoder.image_streams`."""
        name = "picture model" if image_streams else "model"
        # A single stream computes in the thread that calls it, whose priority matters then.
        self.picture_workers = Workers(
            max(1, image_streams), name, when_begun=lower_priority if image_streams else None
        )
        self.text_workers = Workers(1, "text model") if image_streams else self.picture_workers
        self.preprocess_workers = Workers(config.preprocess_threads, "preprocess")
        self.pixel_room = PixelRoom(config.max_decode_pixels, self.preprocess_workers)
        self.device_lost = asyncio.Event()
        self.text_admissions = _admissions("texts", config, config.limits.max_batch_items)
        self.picture_admissions = _admissions("pictures", config, config.max_batch_size)

    def batch_failed(self, error: Exception) -> None:
        """Set `device_lost` if a batch of any model failed with `DeviceLost`."""
        if isinstance(error, DeviceLost):
            self.device_lost.set()

    def stop(self) -> None:
        """Decode nothing more; pictures that wait for pixels fail with `Draining`."""
        self.pixel_room.close()

    def close(self, timeout_s: float | None = None) -> bool:
        """Wait for the threads to end, as `Workers.close` does; blocks. Return whether all did."""
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        busy = [
            workers
            for workers in (self.preprocess_workers, self.text_workers, self.picture_workers)
            if not workers.close(None if end_s is None else max(0.0, end_s - time.monotonic()))
        ]
        return not busy


def _admissions(kind: str, config: Config, batch_size: int) -> dict[Lane, Admission]:
    of_streams = int(config.max_queue_size * LARGE_SHARE)
    return {
        lane: Admission(
            lane.label,
            kind,
            max_count=config.max_queue_size,
            max_bytes=config.max_queue_bytes,
            max_stream_count=min(STREAM_BATCHES * batch_size, of_streams),
        )
        for lane in Lane
    }
