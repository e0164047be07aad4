"""What the models of a server share: the threads that compute, and the room for what waits.

Two models on the same cores would each take all of them, and both be slower than one after the
other. So their batches take turns in one set of threads, whichever model they are for, interactive
ones first; pictures are decoded in one set of threads too, and the bounds on what costs memory hold
for all models together. What a model has to itself is its queue of tokens and pixels.
"""

from tihua_server.admission import Admission
from tihua_server.config import Config
from tihua_server.lane import Lane
from tihua_server.pixel_room import PixelRoom
from tihua_server.workers import Workers

STREAM_BATCHES = 2
"""The inputs of ingest streams that wait or are worked on, in batches of the model: one that is
computed, and one that is being decoded or waits for it."""


class Capacity:
    """Threads and room; belongs to one event loop.

    Attributes:
        image_workers: compute pictures.
        text_workers: compute texts; the same where texts and pictures take turns.
        preprocess_workers: decode and tokenize.
        pixel_room: bounds what is being decoded at once.
        text_admissions: the texts of each lane that wait or are worked on.
        picture_admissions: the pictures of each lane that do.
    """

    def __init__(self, config: Config, *, image_streams: int) -> None:
        """Take the bounds, and how the models compute: see `Encoder.image_streams`."""
        name = "image model" if image_streams else "model"
        self.image_workers = Workers(max(1, image_streams), name)
        self.text_workers = Workers(1, "text model") if image_streams else self.image_workers
        self.preprocess_workers = Workers(config.preprocess_threads, "preprocess")
        self.pixel_room = PixelRoom(config.max_decode_pixels, self.preprocess_workers)
        self.text_admissions = _admissions("texts", config)
        self.picture_admissions = _admissions("pictures", config)

    def close(self) -> None:
        """Return when no thread works any more; whoever waits for pixels gets `Draining`."""
        self.pixel_room.close()
        self.preprocess_workers.close()
        self.text_workers.close()
        self.image_workers.close()


def _admissions(kind: str, config: Config) -> dict[Lane, Admission]:
    return {
        lane: Admission(
            lane.value,
            kind,
            max_count=config.max_queue_size,
            max_bytes=config.max_queue_bytes,
            max_stream_count=min(
                STREAM_BATCHES * config.max_batch_size, config.max_queue_size * 7 // 8
            ),
        )
        for lane in Lane
    }
