"""Checkpoints are read without running code, and fetched, or the error says what to put where."""

import os
import pickle
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from coloured_pairs import write_coloured_pairs
from huggingface_hub import constants
from structlog.testing import capture_logs
from tihua_server.clip.checkpoint import fetch_checkpoint, read_checkpoint
from tihua_server.errors import ModelError

_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
WEIGHT = torch.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {"module.a.weight": WEIGHT, "module.bert.pooler.dense.bias": WEIGHT}},
        {"state_dict": {"a.weight": WEIGHT}, "epoch": 3, "optimizer": {"state": {0: WEIGHT}}},
        {"a.weight": WEIGHT},
    ],
    ids=["published", "trained", "bare"],
)
def test_the_tensors_are_read_by_the_models_names(
    content: dict[str, object], tmp_path: Path
) -> None:
    """Prefix, pooler and everything that training left beside the weights are dropped."""
    path = tmp_path / "model.pt"
    torch.save(content, path)
    tensors = read_checkpoint(path)
    assert list(tensors) == ["a.weight"]
    assert torch.equal(tensors["a.weight"], WEIGHT)


def test_a_file_of_an_old_torch_is_read(tmp_path: Path) -> None:
    """Checkpoints from before torch 1.6 are not zip archives."""
    path = tmp_path / "old.pt"
    torch.save({"a.weight": WEIGHT}, path, _use_new_zipfile_serialization=False)
    assert torch.equal(read_checkpoint(path)["a.weight"], WEIGHT)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Neither a missing file nor a directory is a checkpoint."""
    for path in (tmp_path / "missing.pt", tmp_path):
        with pytest.raises(ModelError, match=r"there is no checkpoint at .*--model-path"):
            read_checkpoint(path)


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    """A pickle that would run code is refused before it does."""
    trace = tmp_path / "trace"
    for name, is_zip in (("new.pt", True), ("old.pt", False)):
        content = {"state_dict": {"a.weight": WEIGHT}, "trap": Trap(trace)}
        torch.save(content, tmp_path / name, _use_new_zipfile_serialization=is_zip)
        with pytest.raises(ModelError, match="hold tensors and plain values only"):
            read_checkpoint(tmp_path / name)
    assert not trace.exists()


def _damaged(path: Path, kind: str) -> None:
    torch.save({"state_dict": {"a.weight": torch.zeros(1000)}}, path)
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("<html>404 Not Found</html>\n" * 20, encoding="utf-8")
        case "cut short":
            path.write_bytes(path.read_bytes()[:2000])
        case "another zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("a.txt", "a")
        case "a pickle":
            path.write_bytes(pickle.dumps({"a": 1}))


@pytest.mark.parametrize("kind", ["empty", "text", "cut short", "another zip", "a pickle"])
def test_what_torch_can_not_read_is_one_line(kind: str, tmp_path: Path) -> None:
    """The error names the file and what it must be, without torch's advice to trust it."""
    path = tmp_path / "model.pt"
    _damaged(path, kind)
    with pytest.raises(ModelError, match=r"model.pt .*torch.save") as caught:
        read_checkpoint(path)
    assert "\n" not in caught.value.message
    assert "weights_only" not in caught.value.message


@pytest.mark.parametrize("content", [[WEIGHT], {"state_dict": 7}, {"a": 1}, {}, WEIGHT])
def test_a_file_without_named_tensors_is_refused(content: object, tmp_path: Path) -> None:
    """A checkpoint is a dict of tensors; the error says how to save one."""
    path = tmp_path / "model.pt"
    torch.save(content, path)
    with pytest.raises(ModelError, match="holds no tensors by name; save it as"):
        read_checkpoint(path)


def test_a_fetched_file_is_not_fetched_again(tmp_path: Path) -> None:
    """A file under cn_clip's name in the directory is used as it is, for either source."""
    path = tmp_path / "clip_cn_rn50.pt"
    path.write_bytes(b"weights")
    for source in ("huggingface", "modelscope"):
        assert fetch_checkpoint("RN50", source=source, cache_dir=tmp_path) == path


def _use_hub(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # As where only some hosts are reached without a proxy, and no proxy is set.
    for name in _PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("no_proxy", "example.org")
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def test_a_hub_out_of_reach_is_one_line_and_quick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the other hub, the file and its place; no library retries for long."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # not listening: connections are refused
        _use_hub(f"http://127.0.0.1:{closed.getsockname()[1]}", monkeypatch)
        started = time.monotonic()
        with pytest.raises(ModelError) as caught:
            fetch_checkpoint("ViT-H-14", source="huggingface", cache_dir=tmp_path)
    assert time.monotonic() - started < 10
    message = caught.value.message
    assert "\n" not in message
    assert "127.0.0.1 does not answer" in message
    assert "clip_cn_vit-h-14.pt of OFA-Sys/chinese-clip-vit-huge-patch14" in message
    assert f"put it at {tmp_path / 'clip_cn_vit-h-14.pt'}" in message
    assert "start with --model-source modelscope" in message
    assert "--model-path" in message


def test_a_hub_whose_library_is_missing_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ModelScope's library is optional."""
    monkeypatch.setitem(sys.modules, "modelscope", None)
    with pytest.raises(ModelError, match=r"pip install \. '\./server\[modelscope\]'") as caught:
        fetch_checkpoint("RN50", source="modelscope", cache_dir=tmp_path)
    assert "start with --model-source huggingface" in caught.value.message


class _Hub(BaseHTTPRequestHandler):
    """Serves one file as a model hub does, and answers 404 for any other."""

    content = b"weights" * 1000

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        is_known = self.path == "/OFA-Sys/chinese-clip-rn50/resolve/main/clip_cn_rn50.pt"
        body = self.content if is_known else b"{}"
        self.send_response(200 if is_known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"e7a9"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A local hub that cn_clip's loader uses in place of Hugging Face."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        _use_hub(f"http://user:secret@127.0.0.1:{server.server_port}", monkeypatch)
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("hub")
def test_a_checkpoint_is_fetched_by_cn_clips_loader(tmp_path: Path) -> None:
    """The file is stored under its published name, in a directory that is created.

    The log tells beforehand what is fetched from where to where; a second call fetches nothing.
    """
    cache_dir = tmp_path / "new" / "folder"
    with capture_logs() as logs:
        for _ in range(2):
            path = fetch_checkpoint("RN50", source="huggingface", cache_dir=cache_dir)
    assert path == cache_dir / "clip_cn_rn50.pt"
    assert path.read_bytes() == _Hub.content
    [line] = logs
    assert line["event"].startswith("fetching a checkpoint")
    assert line["file"] == "clip_cn_rn50.pt"
    assert f"http://user:secret@{line['hub']}" == constants.ENDPOINT
    assert "secret" not in str(line)
    assert line["repository"] == "OFA-Sys/chinese-clip-rn50"
    assert line["path"] == str(path)


@pytest.mark.usefixtures("hub")
def test_a_fine_tuning_tells_of_the_fetching_beside_its_results(tmp_path: Path) -> None:
    """Standard output is for results."""
    call = [sys.executable, "-m", "tihua_server", "fine-tune", "--model", "RN50"]
    data = write_coloured_pairs(tmp_path)
    folders = ["--data", str(data), "--out", str(tmp_path), "--model-dir", str(tmp_path)]
    done = subprocess.run(
        [*call, *folders],
        env=os.environ | {"HF_ENDPOINT": constants.ENDPOINT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "fetching a checkpoint" in done.stderr
    assert "can't be read as a checkpoint" in done.stderr
    assert done.stdout == ""


@pytest.mark.usefixtures("hub")
def test_a_file_that_the_hub_does_not_have_is_one_line(tmp_path: Path) -> None:
    """A hub without the file leads to the same error as one out of reach."""
    with pytest.raises(ModelError, match=r"fetch clip_cn_vit-b-16\.pt of") as caught:
        fetch_checkpoint("ViT-B-16", source="huggingface", cache_dir=tmp_path)
    assert "\n" not in caught.value.message
