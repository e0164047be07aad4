"""The state of a small tihua server in memory, and its embeddings."""

import hashlib
import math
import struct
from collections.abc import Iterable

from google.rpc import status_pb2
from grpc_health.v1 import health
from tihua.v1 import collection_service_pb2 as collections
from tihua.v1 import search_service_pb2, types_pb2

DIM = 8
MODEL = types_pb2.ModelRef(id="fake", fingerprint="fa4efa4efa4efa4e")
INVALID_ARGUMENT = 3
NOT_FOUND = 5


class Memory:
    """The state of the fake server, shared by its services."""

    def __init__(self) -> None:
        """Start empty."""
        self.collections: dict[str, collections.Collection] = {}
        self.items: dict[str, types_pb2.Item] = {}
        self.pictures: dict[str, types_pb2.ImageSource] = {}
        self.calls: list[str] = []
        self.reads: list[str] = []
        self.page_sizes: list[int] = []
        self.max_batch_items = 4
        self.requests: list[search_service_pb2.SearchRequest] = []
        self.ends_streams = False
        self.breaks = 0
        self.is_away = False
        self.lookup_refusals: list[status_pb2.Status] = []
        self.get_refusals: list[status_pb2.Status] = []
        self.info_refusals: list[status_pb2.Status] = []
        self.build_refusals: list[status_pb2.Status] = []
        self.builds_forever = False
        self.lost_builds: list[list[status_pb2.Status]] = []
        self.query_refusals: list[types_pb2.ItemError] = []
        self.health = health.HealthServicer()

    def has_collection(self, name: str) -> bool:
        """Return whether there is a collection of that name or alias."""
        return any(name in {each.name, *each.aliases} for each in self.collections.values())

    def put(self, item: types_pb2.Item, index: int) -> types_pb2.ItemError | None:
        """Store an item, or return why not: a picture whose content starts with "broken"."""
        self.calls.append(f"put {item.id}")
        self.pictures[item.id] = item.image
        if item.image.content.startswith(b"broken"):
            return types_pb2.ItemError(
                index=index,
                id=item.id,
                code=INVALID_ARGUMENT,
                reason="UNREADABLE_IMAGE",
                message="the picture\ncan't be \x1b[31mdecoded",
            )
        content = item.image.content or item.image.rgb.data or item.text.encode()
        kept = types_pb2.Item(id=item.id, uri=item.uri, metadata=item.metadata)
        kept.embedding.CopyFrom(block([content]))
        self.items[item.id] = kept
        return None


def vector(content: bytes) -> list[float]:
    """Hash bytes into a unit vector."""
    numbers = [byte - 127.5 for byte in hashlib.blake2b(content, digest_size=DIM).digest()]
    norm = math.hypot(*numbers)
    return [number / norm for number in numbers]


def block(contents: Iterable[bytes]) -> types_pb2.VectorBlock:
    """Return one embedding for each content."""
    rows = [struct.pack(f"<{DIM}f", *vector(content)) for content in contents]
    return types_pb2.VectorBlock(data=b"".join(rows), dim=DIM, count=len(rows))
