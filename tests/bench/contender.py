"""The interface that peers share with our server: a text or a picture in, an embedding out."""

from typing import Any, Protocol, TypeAlias

import grpc

CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # Several channels of one process to one server would share a connection.
    ("grpc.use_local_subchannel_pool", 1),
)
"""Options of every gRPC channel here."""


BytesMethod: TypeAlias = grpc.aio.UnaryUnaryMultiCallable[Any, Any]
"""A method whose messages are bytes."""


class Refused(Exception):
    """The server answered without an embedding; the message says why."""


class Contender(Protocol):
    """A running server, as its caller sees it. One call is one text or one picture."""

    name: str

    async def embed_text(self, text: str) -> bytes:
        """Return the embedding of a text: float32, little-endian.

        Raises:
            Refused: there is none.
        """

    async def embed_image(self, image: bytes) -> bytes:
        """Return the embedding of a picture file: float32, little-endian.

        Raises:
            Refused: there is none.
        """
