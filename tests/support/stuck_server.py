"""A server as a process of its own, whose model never ends the batch of one text.

python -m stuck_server FLAGS …
"""

import threading
from collections.abc import Sequence

import structlog
from fake_encoder import FakeEncoder
from server_command import main
from tihua_server.types import FloatArray, TokenArray

STUCK = "忙"
"""The text at which the model hangs."""


class StuckEncoder(FakeEncoder):
    """A model that embeds all other texts."""

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Return the embeddings, or hang."""
        stuck = list(self.tokenize(STUCK).ids)
        if any(list(tokens) == stuck for tokens in texts):
            structlog.get_logger("tihua").info("stuck")
            threading.Event().wait()
        return super().encode_texts(texts)


if __name__ == "__main__":
    main(lambda _: [StuckEncoder()])
