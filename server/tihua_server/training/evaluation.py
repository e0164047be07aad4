"""Measures a model as it is served: the loaded file, and pictures decoded as the server does it."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
from tihua._cores import usable_cores

from tihua_server.config import Limits
from tihua_server.images import decode_image
from tihua_server.training.recall import Recall, recall
from tihua_server.training.retrieval import RetrievalTask
from tihua_server.types import Encoder, FloatArray, PixelArray

BATCH_SIZE = 64


def evaluate(encoder: Encoder, task: RetrievalTask) -> Recall:
    """Return how well a model answers the queries of a task.

    At most `BATCH_SIZE` files of the gallery are read at once, unless they are in memory already,
    as an archive's are. All cores decode, each a picture of up to `Limits.max_image_pixels`.

    Raises:
        ValueError: the task's queries are neither all texts nor all pictures.
    """
    texts = [query.content for query in task.queries if isinstance(query.content, str)]
    files = [query.content for query in task.queries if isinstance(query.content, bytes)]
    if texts and files:
        raise ValueError("a task's queries are all texts or all pictures; these are mixed")
    row = {name: index for index, name in enumerate(task.gallery.pictures)}
    pictures = _embed_pictures(encoder, task.gallery.pictures.values())
    queries = _embed_texts(encoder, texts) if texts else _embed_pictures(encoder, files)
    return recall(queries, pictures, [{row[name] for name in q.wanted} for q in task.queries])


def _embed_texts(encoder: Encoder, texts: Sequence[str]) -> FloatArray:
    """Return the embeddings of texts: (len(texts), dim)."""
    parts = []
    for start in range(0, len(texts), BATCH_SIZE):
        batch = texts[start : start + BATCH_SIZE]
        parts.append(encoder.encode_texts([encoder.tokenize(text).ids for text in batch]))
    return np.concatenate(parts)


def _embed_pictures(encoder: Encoder, files: Iterable[bytes]) -> FloatArray:
    """Return the embeddings of encoded pictures, decoded by all cores: (count, dim)."""
    side, bound = encoder.info.image_size, Limits().max_image_pixels

    def decode(file: bytes) -> PixelArray:
        return decode_image(file, side, max_pixels=bound, resize=encoder.resize)

    parts = []
    remaining = iter(files)
    with ThreadPoolExecutor(usable_cores()) as threads:
        while pixels := list(threads.map(decode, islice(remaining, BATCH_SIZE))):
            parts.append(encoder.encode_images(pixels))
    return np.concatenate(parts)
