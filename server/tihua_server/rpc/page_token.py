"""Page tokens: opaque to the caller, and bound to the request that returned them (AIP-158).

Their checksum has no key, so that any server takes the token of another: it finds mistakes, but a
caller can make a token for any position. So a position is validated like other input.
"""

import asyncio
import base64
import hashlib
import re

from google.protobuf.message import Message

from tihua_server.errors import InvalidInput

_CHECKSUM_BYTES = 8

_OFFSET = re.compile("[0-9]{1,9}")

INLINE_BYTES = 65_536
"""Up to this size, content is hashed in the event loop: in 0.10 ms, where a thread takes 0.12."""


def request_digest(request: Message) -> bytes:
    """Return a 16-byte hash of a request without the fields that may change between its pages.

    It covers the message's type: requests of two methods may be serialized to the same bytes.
    """
    bare = type(request)()
    bare.CopyFrom(request)
    for name in ("page_token", "limit"):
        bare.ClearField(name)
    kind = request.DESCRIPTOR.full_name.encode()
    return _hash(kind + b"\0" + bare.SerializeToString(deterministic=True))


async def content_digest(content: bytes) -> bytes:
    """Return a 16-byte hash, which can stand in for large content in `request_digest`."""
    if len(content) <= INLINE_BYTES:
        return _hash(content)
    return await asyncio.to_thread(_hash, content)


def encode_page_token(digest: bytes, position: str) -> str:
    """Return the token for continuing at `position` in the answers to the request `digest`."""
    raw = position.encode()
    return base64.urlsafe_b64encode(_checksum(digest, raw) + raw).decode()


def decode_page_token(digest: bytes, token: str) -> str:
    """Return the position of a token, empty for no token.

    Raises:
        InvalidInput: the token is malformed, was changed, or comes from another request.
    """
    if not token:
        return ""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
        position = raw[_CHECKSUM_BYTES:].decode()
    except ValueError as error:  # of base64 or of UTF-8
        raise _not_ours() from error
    if raw[:_CHECKSUM_BYTES] != _checksum(digest, position.encode()):
        raise _refused(
            "page_token was changed, or comes from another request; only limit may differ"
        )
    return position


def encode_search_token(digest: bytes, offset: int, collection: str) -> str:
    """Return the token for continuing a search after `offset` hits.

    Args:
        digest: of the request.
        offset: number of hits before.
        collection: own name of the collection that they came from.
    """
    return encode_page_token(digest, f"{offset} {collection}")


def decode_search_token(digest: bytes, token: str) -> tuple[int, str]:
    """Return the offset and the collection of a search's token: 0 and "" for no token.

    Raises:
        InvalidInput: as for `decode_page_token`, or its position is not one of a search.
    """
    if not token:
        return 0, ""
    offset, _, collection = decode_page_token(digest, token).partition(" ")
    if not _OFFSET.fullmatch(offset):
        raise _not_ours()
    return int(offset), collection


def encode_list_token(digest: bytes, collection: str, last_id: str) -> str:
    """Return the token for continuing a list of items.

    Args:
        digest: of the request.
        collection: own name of the collection: an alias may lead to another one by then.
        last_id: the last id of the page.
    """
    return encode_page_token(digest, f"{collection} {last_id}")


def decode_list_token(digest: bytes, token: str, *, max_id_bytes: int) -> tuple[str, str]:
    """Return the collection and the last id of a list's token: both empty for no token.

    Raises:
        InvalidInput: as for `decode_page_token`, or no item has an id of that length.
    """
    collection, _, last_id = decode_page_token(digest, token).partition(" ")
    if len(last_id.encode()) > max_id_bytes:
        raise _not_ours()
    return collection, last_id


def _hash(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _checksum(digest: bytes, position: bytes) -> bytes:
    return hashlib.blake2b(digest + position, digest_size=_CHECKSUM_BYTES).digest()


def _not_ours() -> InvalidInput:
    return _refused("page_token is not one of this server's")


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, reason="WRONG_PAGE_TOKEN", field="page_token")
