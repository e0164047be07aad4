"""A server under attack, and the checks of every answer."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import tihua
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from processes import GALLERY, ServerProcess, running
from tihua.v1 import types_pb2

from fuzz.messages import KEPT, NAMES

DEADLINE_S = 60.0
"""How long an answer may take, in seconds; generous, for busy machines."""

MEMORY_BYTES = 1024**3
"""How much the memory of the server may grow after its warm-up."""

FLAGS = (
    *("--max-message-bytes", "4194304", "--max-image-bytes", "1048576"),
    *("--max-batch-items", "32", "--max-text-chars", "200", "--max-streams-per-client", "4"),
    *("--store-timeout-s", "60"),
)
"""Small bounds, which random input reaches; and a long store timeout, which would be no bug."""

ALLOWED = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""Statuses that a bad call may get: not INTERNAL, and not UNKNOWN."""

_ALLOWED_NUMBERS = frozenset(code.value[0] for code in ALLOWED)
_TOO_LARGE = "larger than max"
"""Part of gRPC's own error for a message over its bound, which has no details."""


class Violated(AssertionError):
    """A property that must hold does not."""


class Target:
    """A running server.

    Attributes:
        counts: number of calls by method and status.
        inputs: total number of inputs sent.
    """

    def __init__(self, server: ServerProcess, client: tihua.Client, channel: grpc.Channel) -> None:
        """Record the memory of the idle server."""
        self.counts: Counter[tuple[str, str]] = Counter()
        self.inputs = 0
        self._server = server
        self._client = client
        self._channel = channel
        self._rest_bytes = self._server.peak_bytes()

    def call(self, method: str, requests: Iterable[bytes]) -> list[bytes | None]:
        """Send requests concurrently; return the answers, None for those that were refused.

        Raises:
            Violated: a request got no answer, or a status that is not allowed.
        """
        unary: Any = self._channel.unary_unary(f"/{method}")
        calls = [unary.future(request, timeout=DEADLINE_S) for request in requests]
        self.inputs += len(calls)
        return [self._answer(method, call) for call in calls]

    def stream(self, method: str, requests: Sequence[bytes], *, read: int | None) -> list[bytes]:
        """Send a stream; return all its answers, or the first `read` and cancel it.

        Raises:
            Violated: the stream did not end, or with a status that is not allowed.
        """
        stream: Any = self._channel.stream_stream(f"/{method}")
        call = stream(iter(requests), timeout=DEADLINE_S)
        self.inputs += len(requests)
        answers: list[bytes] = []
        try:
            for answer in call:
                answers.append(answer)
                if read is not None and len(answers) >= read:
                    call.cancel()
                    break
        except grpc.RpcError:
            self._check_status(method, call)
        else:
            self.counts[method, "OK" if read is None else "left"] += 1
        return answers

    def check(self) -> None:
        """Check that the server is still healthy, answers correctly and has logged no errors.

        Raises:
            Violated: one of these does not hold.
        """
        if self._server.process.poll() is not None:
            raise Violated(f"the server ended with {self._server.process.returncode}")
        health = self._client.health()
        if set(health.values()) != {"SERVING"}:
            raise Violated(f"health is {health}")
        if (grown_bytes := self.grown_bytes()) > MEMORY_BYTES:
            raise Violated(f"the server took {grown_bytes / 2**20:.0f} MiB more than at rest")
        [hit] = self._client.search(item_id="twin", limit=1)
        if hit.id != "stone":
            raise Violated(f"the kept collection answers {hit.id}")
        if bugs := [entry for entry in self._server.log if entry.get("level") == "error"]:
            raise Violated(f"the log has {bugs[-1]}")
        del self._server.log[:-10]

    def reset(self) -> None:
        """Delete all collections but the kept one, and recreate those of `NAMES`."""
        for collection in self._client.list_collections():
            for alias in collection.aliases:
                self._client.delete_alias(alias)
            if collection.name != KEPT:
                self._client.delete_collection(collection.name)
        flat, ivf, hnsw = NAMES
        self._client.create_collection(flat, index="FLAT")
        self._client.create_collection(ivf, index="IVF_FLAT")
        self._client.create_collection(hnsw, index="HNSW")

    def grown_bytes(self) -> int:
        """Return by how much the peak memory of the server exceeds that at rest, in bytes."""
        return self._server.peak_bytes() - self._rest_bytes

    def _answer(self, method: str, call: Any) -> bytes | None:
        if call.exception() is not None:
            self._check_status(method, call)
            return None
        self.counts[method, "OK"] += 1
        answer: bytes = call.result()
        return answer

    def _check_status(self, method: str, call: Any) -> None:
        code, said = call.code(), call.details()
        self.counts[method, code.name] += 1
        if code not in ALLOWED:
            raise Violated(f"{method} answered {code.name}: {said}; the log has {self._last()}")
        if _TOO_LARGE not in said and not _reason(call):
            raise Violated(f"{method} answered {code.name} without a reason: {said}")

    def _last(self) -> object:
        return self._server.log[-1] if self._server.log else None


def check_errors(errors: Iterable[types_pb2.ItemError], size: int, request: Message) -> set[int]:
    """Return the positions of the inputs that failed.

    Raises:
        Violated: an error is malformed, or its position is out of range or repeated.
    """
    failed: set[int] = set()
    for error in errors:
        is_right = error.code in _ALLOWED_NUMBERS and error.reason and error.message
        if not is_right or not 0 <= error.index < size or error.index in failed:
            raise Violated(f"{error!r} of {request!r}")
        failed.add(error.index)
    return failed


def _reason(call: Any) -> str:
    status: Any = rpc_status.from_call(call)
    info = error_details_pb2.ErrorInfo()
    is_ours = status is not None and status.details[0].Unpack(info) and info.domain == "tihua"
    return info.reason if is_ours else ""


@contextlib.contextmanager
def attacked(data_dir: Path) -> Iterator[Target]:
    """Start a server, warm it up, and fill the kept collection."""
    pictures = sorted(GALLERY.glob("*.jpg"))[:40]
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    root = data_dir / "pictures"
    root.mkdir()
    (root / "a.jpg").write_bytes(pictures[0].read_bytes())
    with (
        running(data_dir / "data", *FLAGS, "--image-root", str(root)) as server,
        tihua.Client(server.address, collection=KEPT, timeout=DEADLINE_S) as client,
        grpc.insecure_channel(server.address, options=options) as channel,
    ):
        client.create_collection()
        items = [tihua.Item(path.name, image=path) for path in pictures]
        items += [tihua.Item("stone", text="石头"), tihua.Item("twin", text="石头")]
        client.ingest(items)
        yield Target(server, client, channel)
