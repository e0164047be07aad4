"""`python -m fuzz.harness NAME FLAG...`: fuzzes one parser of input with atheris.

Whatever the bytes, a parser returns or raises `ServiceError` or `DecodeError`; all else is a bug.
"""

import contextlib
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tihua", "tihua_server", "PIL"]):
    from tihua_server import images
    from tihua_server.clip import resizing
    from tihua_server.milvus import filters
    from tihua_server.rpc import item_requests, search_requests

from google.protobuf.message import DecodeError
from tihua.v1 import collection_service_pb2, search_service_pb2
from tihua_server.config import Limits
from tihua_server.errors import ServiceError
from tihua_server.search_params import Filter

from fuzz.mutation import mutated
from fuzz.pictures import GOOD

MAX_PIXELS = 1_000_000
"""Less than the server's bound, so that more inputs are tried."""

WORDS = (
    *("and", "or", "not", "in", "like", "is", "null", "exists", "true", "==", "!=", "<=", "{a}"),
    *("array_contains(", "json_contains(", '$meta["', "tags[0]", "id", '"', "(", ")", "1e9"),
)


def picture(data: bytes) -> None:
    """Decode a file."""
    images.decode_image(data, 32, max_pixels=MAX_PIXELS, resize=resizing.resize)


def filter(data: bytes) -> None:  # noqa: A001  # the contract's word
    """Render a filter expression, for Milvus Lite and for Milvus."""
    where = Filter(data.decode("utf-8", "replace"), {"a": 1, "b": ["x"]})
    for lite in (True, False):
        filters.render(where, lite=lite)


def message(data: bytes) -> None:
    """Parse messages and convert their fields."""
    upsert = collection_service_pb2.UpsertItemsRequest.FromString(data)
    for item in upsert.items:
        item_requests.to_draft(item)
    search = search_service_pb2.SearchRequest.FromString(data)
    search_requests.to_terms(search.terms, Limits())
    item_requests.to_filter(search.filter, search.filter_params)
    item_requests.to_fields(search.read_mask)


HARNESSES: dict[str, Callable[[bytes], None]] = {
    "picture": picture,
    "filter": filter,
    "message": message,
}


def _corpus(name: str) -> list[bytes]:
    if name == "picture":
        return list(GOOD)
    if name == "filter":
        rng = random.Random(0)
        return [" ".join(rng.sample(WORDS, 5)).encode() for _ in range(50)]
    return [
        mutated(b"\x0a\x02f0\x12\x09\x0a\x01a\x12\x04\xe6\x9e\xaf", n, n % 4) for n in range(50)
    ]


def main() -> None:
    """Fuzz until libFuzzer ends the process; its flags say when."""
    name, *bounds = sys.argv[1:]
    harness = HARNESSES[name]

    def attempt(data: bytes) -> None:
        with contextlib.suppress(ServiceError, DecodeError):
            harness(data)

    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(_corpus(name)):
            (Path(folder) / str(number)).write_bytes(content)
        flags = [*bounds, "-print_final_stats=1", "-timeout=60"]
        flags += ["-max_len=100000", "-rss_limit_mb=4096", f"-artifact_prefix={folder}/"]
        atheris.Setup([sys.argv[0], *flags, folder], attempt)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
