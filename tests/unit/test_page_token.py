"""Page tokens."""

import base64

import pytest
from tihua.v1 import collection_service_pb2, search_service_pb2
from tihua_server.errors import InvalidInput
from tihua_server.rpc.page_token import decode_page_token, encode_page_token, request_digest

REQUEST = search_service_pb2.SearchRequest(collection="pictures", filter="year > 1200", limit=5)
DIGEST = request_digest(REQUEST)


def test_a_token_brings_back_its_position() -> None:
    """The position may be any text, Chinese ids included."""
    token = encode_page_token(DIGEST, "山水/秋思.jpg")
    assert decode_page_token(DIGEST, token) == "山水/秋思.jpg"


def test_no_token_is_the_beginning() -> None:
    """The first page needs none."""
    assert decode_page_token(DIGEST, "") == ""


def test_the_limit_may_change_from_page_to_page() -> None:
    """A caller may ask for more as it goes on."""
    token = encode_page_token(DIGEST, "20")
    wider = search_service_pb2.SearchRequest(collection="pictures", filter="year > 1200", limit=9)
    wider.page_token = token
    assert decode_page_token(request_digest(wider), token) == "20"


def test_a_token_of_another_request_is_refused() -> None:
    """Another filter would make pages that overlap or miss items."""
    token = encode_page_token(DIGEST, "20")
    other = search_service_pb2.SearchRequest(collection="pictures", filter="year > 1300")
    with pytest.raises(InvalidInput, match="another request"):
        decode_page_token(request_digest(other), token)


def test_a_token_of_another_method_is_refused() -> None:
    """Its request may have the same bytes, but its positions mean something else."""
    listing = collection_service_pb2.ListItemsRequest(collection="pictures")
    search = search_service_pb2.SearchRequest(collection="pictures")
    assert listing.SerializeToString() == search.SerializeToString()
    token = encode_page_token(request_digest(listing), "pictures a.jpg")
    with pytest.raises(InvalidInput, match="another request") as refused:
        decode_page_token(request_digest(search), token)
    assert refused.value.reason == "WRONG_PAGE_TOKEN"


@pytest.mark.parametrize("position", ["200", "-1", "x", "20 sculptures", ""])
def test_a_token_that_was_changed_is_refused(position: str) -> None:
    """Otherwise the position could be anything, even something other than a number."""
    raw = base64.urlsafe_b64decode(encode_page_token(DIGEST, "20"))
    changed = base64.urlsafe_b64encode(raw.removesuffix(b"20") + position.encode()).decode()
    with pytest.raises(InvalidInput, match="was changed"):
        decode_page_token(DIGEST, changed)


@pytest.mark.parametrize("token", ["x", "not base64!", "AAAA", "////" * 8, "ÄÖÜ"])
def test_what_is_no_token_is_refused(token: str) -> None:
    """Whatever a caller makes up is an error of the caller."""
    with pytest.raises(InvalidInput) as refused:
        decode_page_token(DIGEST, token)
    assert refused.value.field == "page_token"
