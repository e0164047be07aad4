"""A call of ingest with the session id of an earlier call, against a running server."""

import tihua


def test_the_session_id_of_a_call_that_finished_begins_anew(
    client: tihua.Client, collection: str
) -> None:
    """A nightly job may use one id: what is new in the second night is written."""
    for uri in ("first night", "second night"):
        item = tihua.Item("a", text="马", uri=uri)
        summary = client.ingest([item], session_id="nightly", collection=collection)
        assert summary.written == 1
    [stored] = client.get_items(["a"], collection=collection)
    assert stored.uri == "second night"
