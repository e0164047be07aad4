"""The one line that an error becomes."""

import pytest
import tihua
from tihua.cli._error_line import error_line


@pytest.mark.parametrize(
    "kind",
    [tihua.ServerError, tihua.UnavailableError, tihua.DeadlineError, tihua.OverloadedError],
)
def test_what_an_operator_must_mend_is_told_with_the_id(kind: type[tihua.TihuaError]) -> None:
    """The id leads to the lines in the server's log."""
    error = kind("Milvus does not answer", request_id="4f2a9c")
    assert error_line(error) == "Milvus does not answer (request 4f2a9c)"


@pytest.mark.parametrize(
    "kind",
    [tihua.InvalidRequestError, tihua.NotFoundError, tihua.FailedPreconditionError],
)
def test_what_the_user_can_mend_is_told_alone(kind: type[tihua.TihuaError]) -> None:
    """The message says how."""
    assert error_line(kind("limit is 0", request_id="4f2a9c")) == "limit is 0"


def test_an_error_of_no_server_has_no_id() -> None:
    """There is no log to look into."""
    assert error_line(tihua.UnavailableError("no server")) == "no server"
