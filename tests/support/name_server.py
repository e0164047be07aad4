"""A DNS server for one name, whose addresses a test may change."""

import socket
import struct
import threading
from typing import Self

NAME = "tihua.test"

_HEADER = struct.Struct(">2s5H")
_ANSWERED = 0x8180
"""A response without error, recursion as wanted (RFC 1035, section 4.1.1)."""

_TYPE_A = 1
_CLASS_IN = 1


class NameServer:
    """Answers every query for IPv4 addresses with the same list.

    Attributes:
        addresses: of the name; may be changed at any time.
    """

    def __init__(self, *addresses: str) -> None:
        """Bind a free port of the loopback interface."""
        self.addresses = list(addresses)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="name server")

    def target(self, port: int) -> str:
        """Return the name as a gRPC client takes it, with the server to ask."""
        return f"dns://127.0.0.1:{self._socket.getsockname()[1]}/{NAME}:{port}"

    def __enter__(self) -> Self:
        """Answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop answering."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            message, peer = self._socket.recvfrom(512)
            if not message:
                return
            self._socket.sendto(self._answer(message), peer)

    def _answer(self, message: bytes) -> bytes:
        # After the header: the name, which ends with an empty label, its type and class.
        question = message[_HEADER.size : message.index(b"\0", _HEADER.size) + 5]
        [asked_type] = struct.unpack(">H", question[-4:-2])
        addresses = self.addresses if asked_type == _TYPE_A else []
        header = _HEADER.pack(message[:2], _ANSWERED, 1, len(addresses), 0, 0)
        # A pointer to the name in the question, a TTL of 0, four bytes.
        record = struct.pack(">HHHIH", 0xC000 | _HEADER.size, _TYPE_A, _CLASS_IN, 0, 4)
        return header + question + b"".join(record + socket.inet_aton(a) for a in addresses)
