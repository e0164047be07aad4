"""A server under attack, and what must hold of every answer."""

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
"""How long an answer may take, in seconds; a machine that is busy with other things is slow."""

MEMORY_BYTES = 1024**3
"""What the server may take beyond what it had when it was warm."""

FLAGS = (
    *("--max-message-bytes", "4194304", "--max-image-bytes", "1048576"),
    *("--max-batch-items", "32", "--max-text-chars", "200", "--max-streams-per-client", "4"),
    *("--store-timeout-s", "60"),
)
"""Small bounds, which random input reaches; and no time-out of the store, which is no fault."""

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
"""What a caller may be told of a call that is wrong: not INTERNAL, and not UNKNOWN."""

_ALLOWED_NUMBERS = frozenset(code.value[0] for code in ALLOWED)
_TOO_LARGE = "larger than max"
"""What gRPC itself says of a message over its bound, without details."""


class Violated(AssertionError):
    """Something that must hold did not."""


class Target:
    """A running server.

    Attributes:
        counts: calls by method and status; `inputs` beside them is what was sent in all.
    """

    def __init__(self, server: ServerProcess, client: tihua.Client, channel: grpc.Channel) -> None:
        """Remember how much memory it takes while it rests."""
        self.counts: Counter[tuple[str, str]] = Counter()
        self.inputs = 0
        self._server = server
        self._client = client
        self._channel = channel
        self._rest_bytes = self._server.peak_bytes()

    def call(self, method: str, requests: Iterable[bytes]) -> list[bytes | None]:
        """Send requests side by side; return the answers, None for those that were refused.

        Raises:
            Violated: one was not answered, or in a way that is not allowed.
        """
        unary: Any = self._channel.unary_unary(f"/{method}")
        calls = [unary.future(request, timeout=DEADLINE_S) for request in requests]
        self.inputs += len(calls)
        return [self._answer(method, call) for call in calls]

    def stream(self, method: str, requests: Sequence[bytes], *, read: int | None) -> list[bytes]:
        """Send a stream; return what is said to it before it ends or, `read` answers on, is left.

        Raises:
            Violated: it did not end, or in a way that is not allowed.
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
        """Look whether the server is as it was.

        Raises:
            Violated: it is not.
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
        """Remove what the attacks made, and make it anew."""
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
        """Return how much more memory the server has taken than at rest, at the most."""
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
    """Return the positions of the inputs that failed, each of which has its error.

    Raises:
        Violated: an error is not the input's.
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
    """Start a server, warm it up, and give it something to keep."""
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
