"""Mutations of good bytes, small and large."""

import random
import struct

from hypothesis import strategies as st

_NUMBERS = (b"\x00", b"\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff\xff\xff\xff")


def mutated(good: bytes, seed: int, count: int) -> bytes:
    """Return a copy of `good` changed in `count` places; deterministic."""
    rng = random.Random(seed)
    data = bytearray(good)
    for _ in range(count):
        at = rng.randrange(len(data) + 1)
        length = min(rng.choice((1, 2, 4, 16, 300)), len(data) - at)
        match rng.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at : at + length] = rng.randbytes(length)
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = rng.randbytes(length)
            case 4:
                data[at:at] = data[at : at + length]
            case 5:
                number = rng.choice((*_NUMBERS, struct.pack("<I", rng.getrandbits(32))))
                data[at : at + len(number)] = number
            case _ if count > 1:
                del data[at:]
    return bytes(data)


def mutations(good: st.SearchStrategy[bytes], most: int) -> st.SearchStrategy[bytes]:
    """Return a strategy of good bytes with up to `most` changes."""
    return st.builds(mutated, good, st.integers(0, 2**32 - 1), st.integers(0, most))
