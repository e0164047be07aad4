"""What a call is named in the log."""

from contextvars import copy_context

import pytest
from tihua_server.request_id import REQUEST_ID, begin_request


def begun(*metadata: tuple[str, str | bytes]) -> str:
    """Begin a call in a context of its own; return the id that its task would log."""

    def begin() -> str:
        returned = begin_request(metadata)
        assert REQUEST_ID.get() == returned
        return returned

    return copy_context().run(begin)


@pytest.mark.parametrize("request_id", ["a", "4f2a9c", "01J/web:7+a=b@c.d_e-f", "x" * 128])
def test_the_clients_id_is_taken(request_id: str) -> None:
    """So that one name follows a call through several programs."""
    assert begun(("user-agent", "test"), ("x-request-id", request_id)) == request_id


@pytest.mark.parametrize(
    "request_id", ["", "x" * 129, "two words", "line\nbreak", 'quote"', "马", b"bytes"]
)
def test_an_id_that_could_forge_a_line_is_replaced(request_id: str | bytes) -> None:
    """Too long, white space, quotes, anything but ASCII."""
    made = begun(("x-request-id", request_id))
    assert len(made) == 16
    assert int(made, 16) >= 0


def test_every_call_without_an_id_gets_its_own() -> None:
    """And outside of a call there is none."""
    assert begun() != begun()
    assert not REQUEST_ID.get()
