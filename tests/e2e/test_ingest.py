"""The ingest stream against a running server: order, faults, resume, folders."""

import queue
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import grpc
import numpy as np
import pytest
import tihua
from chaos.silent_client import CALLS
from processes import (
    GALLERY,
    INTERRUPTIBLE,
    ServerProcess,
    run_tihua,
    start_module,
)
from scraped import gained
from tihua.v1 import ingest_service_pb2 as pb
from tihua.v1 import types_pb2
from tihua.v1.ingest_service_pb2_grpc import IngestServiceStub


def start(
    collection: str, session_id: str = "", *, read_seq: int = 0, items_written: int = 0
) -> pb.IngestRequest:
    """Open a session, or resume one after the acknowledgements that were read."""
    start = pb.IngestStart(
        collection=collection,
        session_id=session_id or str(uuid.uuid4()),
        read_seq=read_seq,
        items_written=items_written,
    )
    return pb.IngestRequest(start=start)


def batch(seq: int, *ids: str, text: str = "马") -> pb.IngestRequest:
    """Return a batch of texts."""
    items = [types_pb2.Item(id=item_id, text=text) for item_id in ids]
    return pb.IngestRequest(batch=pb.IngestBatch(seq=seq, items=items))


def kinds(responses: Sequence[pb.IngestResponse]) -> list[str | None]:
    """Return the kind of each response."""
    return [response.WhichOneof("message") for response in responses]


def test_a_stream_is_acknowledged_and_summed_up(
    ingesting: IngestServiceStub, collection: str, client: tihua.Client
) -> None:
    """Bad items are listed with the acknowledgement; sent = written + failed + skipped."""
    requests = [start(collection), batch(1, "a", "b"), batch(2, "bad", text=""), batch(3, "c")]
    responses = list(ingesting.Ingest(iter(requests)))
    assert kinds(responses)[0] == "started"
    summary = responses[-1].summary
    assert (summary.committed_seq, summary.items_written, summary.items_failed) == (3, 3, 1)
    errors = [error for response in responses for error in response.ack.errors]
    assert [(error.seq, error.error.id, error.error.reason) for error in errors] == [
        (2, "bad", "EMPTY_TEXT")
    ]
    assert client.count_items(collection=collection) == 3


FAULTS: dict[str, tuple[Callable[[str], list[pb.IngestRequest]], grpc.StatusCode]] = {
    "no start": (lambda _: [batch(1, "a")], grpc.StatusCode.FAILED_PRECONDITION),
    "nothing at all": (lambda _: [], grpc.StatusCode.FAILED_PRECONDITION),
    "two starts": (
        lambda name: [start(name), start(name)],
        grpc.StatusCode.FAILED_PRECONDITION,
    ),
    "a gap": (
        lambda name: [start(name), batch(1, "a"), batch(3, "c")],
        grpc.StatusCode.OUT_OF_RANGE,
    ),
    "starting at 0": (
        lambda name: [start(name), batch(2, "b")],
        grpc.StatusCode.OUT_OF_RANGE,
    ),
    "an empty batch": (
        lambda name: [start(name), batch(1)],
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
    "an unknown collection": (lambda _: [start("absent")], grpc.StatusCode.NOT_FOUND),
    "an endless session id": (
        lambda name: [start(name, "s" * 65)],
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_stream_that_breaks_the_protocol_is_ended_with_its_reason(
    ingesting: IngestServiceStub, collection: str, fault: str
) -> None:
    """The next stream works."""
    make, code = FAULTS[fault]
    with pytest.raises(grpc.RpcError) as ended:
        list(ingesting.Ingest(iter(make(collection))))
    assert ended.value.code() is code
    responses = list(ingesting.Ingest(iter([start(collection), batch(1, "x")])))
    assert responses[-1].summary.items_written == 1


def test_a_broken_stream_is_resumed_where_it_was_safe(
    ingesting: IngestServiceStub, collection: str, client: tihua.Client
) -> None:
    """The server reports the last safe batch; nothing is doubled."""
    session_id = str(uuid.uuid4())
    requests: queue.SimpleQueue[pb.IngestRequest | None] = queue.SimpleQueue()
    requests.put(start(collection, session_id))
    requests.put(batch(1, "a", "b"))
    call = ingesting.Ingest(iter(requests.get, None))
    for response in call:
        if response.ack.committed_seq == 1:
            call.cancel()
            break
    requests.put(None)
    # Without `read_seq` the server might treat the broken stream as completed.
    resumed = start(collection, session_id, read_seq=1, items_written=2)
    again = list(ingesting.Ingest(iter([resumed, batch(1, "a", "b"), batch(2, "c")])))
    assert again[0].started.committed_seq == 1
    assert again[-1].summary.items_written == 3
    assert client.count_items(collection=collection) == 3


@pytest.fixture
def folder(tmp_path: Path, pictures: Sequence[Path]) -> Path:
    """A folder with sub-folders, odd names and a broken picture."""
    root = tmp_path / "photographs"
    (root / "山水").mkdir(parents=True)
    for number, picture in enumerate(pictures):
        target = root / ("山水" if number % 2 else ".") / picture.name
        shutil.copy(picture, target)
    (root / "broken.JPG").write_bytes(b"this is no picture")
    (root / "notes.txt").write_text("not a picture, and not looked at")
    return root


def test_a_folder_goes_in_once_however_often_it_is_ingested(
    server: ServerProcess, client: tihua.Client, folder: Path, names: Iterator[str]
) -> None:
    """The second run embeds nothing, and sends the broken file alone, which is named each time."""
    name = next(names)

    def ingest(told: str) -> Callable[..., float]:
        def run() -> None:
            done = run_tihua("--collection", name, "ingest", folder, address=server.address)
            assert done.returncode == 0, done.stderr
            assert "broken.JPG" in done.stdout + done.stderr
            assert told in done.stdout + done.stderr

        return gained(server.metrics_address, run)

    for grew, count in ((ingest("24 written"), 24), (ingest("24 unchanged"), 0)):
        assert grew("tihua_batch_size_sum", model="tihua-tiny", kind="image") == count
        assert grew("tihua_ingest_items_total", outcome="written") == count
        assert grew("tihua_ingest_items_total", outcome="failed") == 1
    assert client.count_items(collection=name) == 24


def test_a_picture_that_changed_is_replaced(
    server: ServerProcess, client: tihua.Client, folder: Path, names: Iterator[str]
) -> None:
    """One file changed: one item is embedded again, and none is added."""
    name = next(names)
    run_tihua("--collection", name, "ingest", folder, address=server.address)
    changed, other = sorted(folder.glob("*.jpg"))[:2]
    [before] = client.get_items([changed.name], fields=["embedding"], collection=name)
    changed.write_bytes(other.read_bytes())
    again = run_tihua("--collection", name, "ingest", folder, address=server.address)
    assert "23 unchanged" in again.stdout + again.stderr
    [after] = client.get_items([changed.name], fields=["embedding"], collection=name)
    assert before.embedding != after.embedding
    assert client.count_items(collection=name) == 24


def test_pictures_that_the_client_preprocessed_get_the_same_embeddings(
    server: ServerProcess, client: tihua.Client, folder: Path, names: Iterator[str]
) -> None:
    """They differ only by the rounding of pixels; broken files get the same error messages."""
    by_server, by_client = next(names), next(names)
    told = run_tihua("-c", by_server, "ingest", folder, address=server.address)
    options = ("--preprocess", "client")
    told_too = run_tihua("-c", by_client, "ingest", folder, *options, address=server.address)
    assert told_too.returncode == 0
    assert [line for line in told_too.stderr.splitlines() if line.startswith("failed: ")] == [
        line for line in told.stderr.splitlines() if line.startswith("failed: ")
    ]
    expected, actual = (
        {
            item.id: item.embedding
            for item in client.list_items(fields=["embedding"], collection=name)
        }
        for name in (by_server, by_client)
    )
    assert actual.keys() == expected.keys()
    for item_id, embedding in actual.items():
        # The server resizes with torch and the client with Pillow, which round differently.
        assert np.asarray(embedding) @ np.asarray(expected[item_id]) > 0.9995


def test_a_second_folder_does_not_replace_the_first(
    server: ServerProcess,
    client: tihua.Client,
    tmp_path: Path,
    pictures: Sequence[Path],
    names: Iterator[str],
) -> None:
    """Two cameras use the same file names: the second folder is refused without a prefix."""
    name = next(names)
    for camera, picture in zip(("a", "b"), pictures, strict=False):
        (tmp_path / camera).mkdir()
        shutil.copy(picture, tmp_path / camera / "IMG_0001.jpg")
    run_tihua("-c", name, "ingest", tmp_path / "a", address=server.address)
    second = run_tihua("-c", name, "ingest", tmp_path / "b", address=server.address)
    assert "--id-prefix" in second.stderr
    [item] = client.get_items(["IMG_0001.jpg"], collection=name)
    assert item.uri == str(tmp_path / "a" / "IMG_0001.jpg")
    run_tihua("-c", name, "ingest", tmp_path / "b", "--id-prefix", "b/", address=server.address)
    assert client.count_items(collection=name) == 2


def test_a_client_that_dies_in_the_middle_of_an_answer_is_no_bug(
    server: ServerProcess, collection: str
) -> None:
    """The server was still writing to it; its streams end as cancelled, and no bug is logged."""
    begin = len(server.log)
    arguments = (server.address, collection, "acknowledgements")
    with start_module("chaos.silent_client", *arguments) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "silent\n"
        process.kill()
    ended: list[dict[str, object]] = []
    while len(ended) < CALLS:
        time.sleep(0.01)
        entries = server.log[begin:]
        ended = [entry for entry in entries if entry.get("method") == "IngestService/Ingest"]
    assert {entry.get("code") for entry in ended} == {"CANCELLED"}
    assert {entry["event"] for entry in ended} == {"rpc"}


def test_an_interrupted_ingest_says_that_it_can_be_run_again(
    server: ServerProcess, tmp_path: Path, names: Iterator[str]
) -> None:
    """Ctrl-C ends with one line, not with a traceback."""
    folder = tmp_path / "many"
    folder.mkdir()
    sources = sorted(GALLERY.glob("*.jpg"))
    for number in range(600):
        shutil.copy(sources[number % len(sources)], folder / f"{number:03}.jpg")
    begin = len(server.log)
    with subprocess.Popen(
        [
            *INTERRUPTIBLE,
            *("--address", server.address, "--collection", next(names)),
            *("ingest", str(folder)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            while not any(
                entry.get("method", "").endswith("GetItems") for entry in server.log[begin:]
            ):
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "again" in out + err
