"""A server as a process of its own, whose model loses its GPU in the batch of one text.

python -m lost_server FLAGS …
"""

from collections.abc import Sequence

from fake_encoder import FakeEncoder
from server_command import main
from tihua_server.errors import DeviceLost
from tihua_server.types import FloatArray, TokenArray

FATAL = "丢"
"""The text at which the GPU is lost."""


class LosingEncoder(FakeEncoder):
    """A model that embeds all other texts."""

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Return the embeddings, or fail as torch's engine does."""
        fatal = list(self.tokenize(FATAL).ids)
        if any(list(tokens) == fatal for tokens in texts):
            cause = RuntimeError("CUDA error: an illegal memory access was encountered")
            raise DeviceLost("cuda:0 has failed for good") from cause
        return super().encode_texts(texts)


if __name__ == "__main__":
    main(lambda _: [LosingEncoder()])
