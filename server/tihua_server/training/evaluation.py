"""Measures a model as it is served: the loaded file, and pictures decoded as the server does it."""

from collections.abc import Sequence

import numpy as np

from tihua_server.config import Limits
from tihua_server.images import decode_image
from tihua_server.training.recall import Recall, recall
from tihua_server.training.retrieval import RetrievalTask
from tihua_server.types import Encoder, FloatArray

BATCH_SIZE = 64


def evaluate(encoder: Encoder, task: RetrievalTask) -> Recall:
    """Return how well a model answers the queries of a task."""
    row = {name: index for index, name in enumerate(task.gallery.pictures)}
    pictures = _embed(encoder, list(task.gallery.pictures.values()))
    queries = _embed(encoder, [query.content for query in task.queries])
    return recall(queries, pictures, [{row[name] for name in q.wanted} for q in task.queries])


def _embed(encoder: Encoder, contents: Sequence[str | bytes]) -> FloatArray:
    """Return the embeddings of texts or of encoded pictures: (len(contents), dim)."""
    texts = [content for content in contents if isinstance(content, str)]
    files = [content for content in contents if isinstance(content, bytes)]
    if texts and files:
        raise ValueError("a task's queries are all texts or all pictures; these are mixed")
    side, bound = encoder.info.image_size, Limits().max_image_pixels
    parts = []
    for start in range(0, len(contents), BATCH_SIZE):
        stop = start + BATCH_SIZE
        if texts:
            ids = [encoder.tokenize(text).ids for text in texts[start:stop]]
            parts.append(encoder.encode_texts(ids))
        else:
            pixels = [
                decode_image(file, side, max_pixels=bound, resize=encoder.resize)
                for file in files[start:stop]
            ]
            parts.append(encoder.encode_images(pixels))
    return np.concatenate(parts)
