"""Qt's binary resources (.rcc, formats 1 to 3), in which GCompris ships its pictures.

The magic `qres` is followed by the version and the offsets of a tree, of contents and of names, all
big-endian. A node of the tree is a folder (count and index of its children) or a file (offset of
its content); both start with the offset of their name and flags.
"""

import struct
import zlib
from typing import Final

COMPRESSED: Final = 1
"""Flag: the content is compressed by zlib, after four bytes with its full length."""


def member_of_resource(resource: bytes, path: str) -> bytes:
    """Return the content of one file of the resource.

    Args:
        resource: the whole .rcc file.
        path: of the file in it, with or without the leading slash.

    Raises:
        KeyError: there is no such file.
        struct.error: the resource is truncated, or in another format.
    """
    version, tree, data, names = struct.unpack_from(">4I", resource, 4)
    node_size = 14 if version == 1 else 22
    node = 0
    for part in path.strip("/").split("/"):
        count, first = struct.unpack_from(">II", resource, tree + node * node_size + 6)
        for child in range(first, first + count):
            (name,) = struct.unpack_from(">I", resource, tree + child * node_size)
            (length,) = struct.unpack_from(">H", resource, names + name)
            start = names + name + 6
            if resource[start : start + 2 * length].decode("utf-16-be") == part:
                node = child
                break
        else:
            raise KeyError(path)
    flags, offset = struct.unpack_from(">4xH4xI", resource, tree + node * node_size)
    (size,) = struct.unpack_from(">I", resource, data + offset)
    start = data + offset + 4
    content = resource[start : start + size]
    return zlib.decompress(content[4:]) if flags & COMPRESSED else content
