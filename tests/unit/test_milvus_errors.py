"""The errors of Milvus in its versions, and which error of the service each becomes."""

import pytest
from pymilvus.exceptions import MilvusException
from tihua_server.errors import (
    AlreadyExists,
    CollectionNotReady,
    InvalidInput,
    NotFound,
    ServiceError,
    StoreError,
    StoreFull,
    StoreUnavailable,
)
from tihua_server.milvus.errors import translate


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (100, "collection not found[collection=photos]", NotFound),
        (65535, "collection not found[database=default][collection=photos]", NotFound),
        (1, "collection 'photos' does not exist", NotFound),
        (101, "collection not loaded[collection=448]", CollectionNotReady),
        (65535, "create duplicate collection with different parameters", AlreadyExists),
        (1, "write failed: No space left on device", StoreFull),
        (2, "Fail connecting to server on localhost:19530", StoreUnavailable),
        (1, "Retry timeout: 10s", StoreUnavailable),
        (65535, "cannot parse expression: a ==, error: line 1:5 mismatched input", InvalidInput),
        (1100, "invalid parameter[expected=(0, 16384]][actual=20000]", InvalidInput),
        (65535, "something that nobody foresaw", StoreError),
    ],
)
def test_what_milvus_says_is_told_by_its_meaning(
    code: int, text: str, expected: type[ServiceError]
) -> None:
    """Milvus before 2.4 has one code for many mistakes, so its words count as well."""
    assert type(translate(MilvusException(code, text), "photos")) is expected
