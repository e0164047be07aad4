"""The entries that are written: items whose content encodes their version."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import tihua
from tihua.v1 import types_pb2

REWRITES = 0.25
"""The fraction of entries that are newer versions of earlier ones."""

TEXT_EVERY = 40
"""Every 40th id is a text, which the model embeds; the other entries are sent as embeddings."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of one item."""

    id: str
    version: int

    def __str__(self) -> str:
        """Return the entry in the format that `parsed` reads."""
        return f"{self.id}@{self.version}"

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Return the entry that `str` printed as `text`."""
        item_id, _, version = text.partition("@")
        return cls(item_id, int(version))

    @property
    def is_text(self) -> bool:
        """Whether the model embeds it."""
        return int(self.id.rpartition("-")[2]) % TEXT_EVERY == 0

    def embedding(self, dim: int) -> npt.NDArray[np.float32]:
        """Return (dim,) float32 of L2 norm 1, different for each id and version."""
        digest = hashlib.blake2b(f"{self.id} {self.version}".encode(), digest_size=8).digest()
        row = np.random.default_rng(int.from_bytes(digest)).standard_normal(dim, np.float32)
        normed: npt.NDArray[np.float32] = row / np.linalg.norm(row)
        return normed

    def item(self, dim: int) -> tihua.Item:
        """Return the entry as an item of the library."""
        metadata = {"version": self.version}
        if self.is_text:
            return tihua.Item(self.id, text=f"第{self.version}版", metadata=metadata)
        return tihua.Item(self.id, embedding=self.embedding(dim).data, metadata=metadata)

    def message(self, dim: int) -> types_pb2.Item:
        """Return the entry as a protobuf message."""
        item = types_pb2.Item(id=self.id)
        item.metadata["version"] = self.version
        if self.is_text:
            item.text = f"第{self.version}版"
        else:
            data = self.embedding(dim).tobytes()
            item.embedding.CopyFrom(types_pb2.VectorBlock(data=data, dim=dim, count=1))
        return item


def entries(prefix: str, seed: int, max_ids: int, *, first_version: int = 1) -> Iterator[Entry]:
    """Yield endless entries: new ids, and newer versions of earlier ones.

    Args:
        prefix: of the ids; two writers never share one.
        seed: the same seed gives the same entries.
        max_ids: after this many ids, only newer versions follow.
        first_version: of each id.
    """
    choice = random.Random(seed)
    versions: list[int] = []
    while True:
        if versions and (len(versions) == max_ids or choice.random() < REWRITES):
            number = choice.randrange(len(versions))
            versions[number] += 1
        else:
            number = len(versions)
            versions.append(first_version)
        yield Entry(f"{prefix}-{number:06}", versions[number])
