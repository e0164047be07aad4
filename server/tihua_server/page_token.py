"""Page tokens: opaque to the caller, and bound to the request that returned them (AIP-158)."""

import base64
import hashlib

from google.protobuf.message import Message

from tihua_server.errors import InvalidInput

_DIGEST_BYTES = 8


def encode_page_token(request: Message, position: str) -> str:
    """Return a token that means: go on at `position` of the answers to this request."""
    raw = position.encode()
    return base64.urlsafe_b64encode(_digest(request, raw) + raw).decode()


def decode_page_token(request: Message, token: str) -> str:
    """Return the position of a token, empty for no token.

    Raises:
        InvalidInput: the token is no token, was changed, or comes from another request.
    """
    if not token:
        return ""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
        position = raw[_DIGEST_BYTES:].decode()
    except ValueError as error:  # of base64 or of UTF-8
        raise _refused("page_token is not one of this server's") from error
    if raw[:_DIGEST_BYTES] != _digest(request, position.encode()):
        raise _refused(
            "page_token was changed, or comes from another request; only limit may differ"
        )
    return position


def _digest(request: Message, position: bytes) -> bytes:
    """Return a hash of the position, and of the request but for what may change between pages.

    Its type counts: requests of two methods may look alike when they are serialized.
    """
    bare = type(request)()
    bare.CopyFrom(request)
    for name in ("page_token", "limit"):
        bare.ClearField(name)
    serialized = bare.SerializeToString(deterministic=True)
    kind = request.DESCRIPTOR.full_name.encode()
    size = len(position).to_bytes(4)
    hashed = size + position + kind + b"\0" + serialized
    return hashlib.blake2b(hashed, digest_size=_DIGEST_BYTES).digest()


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, reason="WRONG_PAGE_TOKEN", field="page_token")
