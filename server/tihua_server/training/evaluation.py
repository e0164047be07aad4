"""Measures a model as it is served: the loaded file, through `Encoder`, on pictures of its size."""

from collections.abc import Iterator

import numpy as np

from tihua_server.training.emoji import Emoji
from tihua_server.training.photographs import Photographs
from tihua_server.training.pictures import PictureSource, to_square
from tihua_server.training.recall import recall
from tihua_server.types import Encoder, FloatArray

BATCH_SIZE = 64


def evaluate_photographs(encoder: Encoder, photographs: Photographs) -> Iterator[str]:
    """Yield a line: every caption seeks its photograph among all."""
    pairs = [
        (text, index) for index in range(len(photographs)) for text in photographs.texts(index)
    ]
    texts = embed_texts(encoder, [text for text, _ in pairs])
    found = recall(texts, embed_pictures(encoder, photographs), [index for _, index in pairs])
    yield f"caption to photograph, {photographs.name}: {found}"


def evaluate_emoji(encoder: Encoder, test: Emoji, known: Emoji) -> Iterator[str]:
    """Yield two lines: names seek emoji of an unseen set, and emoji of a known set their twins."""
    pictures = embed_pictures(encoder, test)
    names = embed_texts(encoder, [test.texts(index)[0] for index in range(len(test))])
    found = recall(names, pictures, range(len(test)))
    yield f"name to {test.name}: {found}"
    row = {test.group(index): index for index in range(len(test))}
    twins = [index for index in range(len(known)) if known.group(index) in row]
    seeking = embed_pictures(encoder, known)[twins]
    found = recall(seeking, pictures, [row[known.group(index)] for index in twins])
    yield f"{known.name} to its twin in {test.name}: {found}"


def embed_texts(encoder: Encoder, texts: list[str]) -> FloatArray:
    """Return the embeddings of texts, (len(texts), dim)."""
    ids = [encoder.tokenize(text).ids for text in texts]
    batches = [ids[start : start + BATCH_SIZE] for start in range(0, len(ids), BATCH_SIZE)]
    return np.concatenate([encoder.encode_texts(batch) for batch in batches])


def embed_pictures(encoder: Encoder, source: PictureSource) -> FloatArray:
    """Return the embeddings of the pictures of a source as the server sees them."""
    side = encoder.info.image_size
    parts = []
    for start in range(0, len(source), BATCH_SIZE):
        indices = range(start, min(start + BATCH_SIZE, len(source)))
        parts.append(
            encoder.encode_images([to_square(source.picture(at, 0), side) for at in indices])
        )
    return np.concatenate(parts)
