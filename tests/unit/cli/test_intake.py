"""What `tihua ingest` reads ahead, and how it preprocesses."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import client_sessions
import numpy as np
import pytest
import tihua as tihua_package
from command_line import Tihua
from picture_files import PLAIN, decode, encode, quadrants
from scripted_memory import Memory
from tihua._folder import Folder, Found, PictureFile, Unusable
from tihua.cli._decision import checked
from tihua.cli._intake import Intake
from tihua.cli._progress import Tally

SIZE = 16
"""Side of the square that the fake server's model takes in, in pixels."""


class EndlessFolder(Folder):
    """A folder of more pictures than anyone has, each the same file."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """Take the file, and the size that it is said to have."""
        super().__init__(path)
        self.size_bytes = size_bytes
        self.taken = 0

    def __iter__(self) -> Iterator[Found]:
        """Return pictures without end, and count them."""
        while True:
            self.taken += 1
            yield PictureFile(f"{self.taken}.jpg", self.root, self.size_bytes, 0.0)


class EmptyCollection:
    """A client of a collection that has nothing."""

    def __init__(self) -> None:
        """Begin with no calls."""
        self.threads: set[threading.Thread] = set()

    def get_items(self, ids: Sequence[str], *, fields: Sequence[str]) -> list[tihua_package.Item]:
        """Return nothing."""
        self.threads.add(threading.current_thread())
        return []


class VanishingCollection(EmptyCollection):
    """One that answers once and is gone then."""

    def get_items(self, ids: Sequence[str], *, fields: Sequence[str]) -> list[tihua_package.Item]:
        """Return nothing, and fail from the second call on."""
        if self.threads:
            raise tihua_package.UnavailableError("gone")
        return super().get_items(ids, fields=fields)


LIMITS = replace(
    client_sessions.LIMITS,
    max_message_bytes=2**26,
    max_batch_items=256,
    max_image_bytes=2**25,
    max_page_size=1_000,
    max_id_bytes=512,
    max_uri_bytes=4_096,
)


def intake_of(
    client: EmptyCollection,
    folder: Folder,
    on_break: Callable[[tihua_package.TihuaError], None] = lambda _: None,
) -> Intake:
    """Return an intake that tells nobody of its files, and asks again for a minute."""
    return Intake(
        cast("tihua_package.Client", client),
        folder,
        LIMITS,
        Tally(),
        is_forced=False,
        on_unusable=lambda _: None,
        on_step=lambda: None,
        on_break=on_break,
        reconnect_timeout_s=60.0,
    )


@pytest.mark.parametrize(("size_bytes", "most_read"), [(1_000, 64), (2**20, 32), (2**24, 2)])
def test_what_is_read_ahead_is_bounded_in_items_and_in_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size_bytes: int, most_read: int
) -> None:
    """Of a folder of any size it holds 64 pictures, 32 MiB and some pages of names."""
    file = tmp_path / "a.jpg"
    file.write_bytes(b"picture")
    read: list[Path] = []
    read_bytes = Path.read_bytes

    def watched(path: Path) -> bytes:
        read.append(path)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", watched)
    folder = EndlessFolder(file, size_bytes)
    intake = intake_of(EmptyCollection(), folder)
    items = intake.items()
    for number in range(1, 1_000):
        assert next(items).id == f"{number}.jpg"
        assert len(read) <= number + most_read
        assert folder.taken <= number + 4 * 256
    items.close()


@pytest.mark.parametrize(
    ("is_on_server", "advice"),
    [
        (False, ": --preprocess client sends a few pixels of it"),
        (True, ": --preprocess client in place of --server-folder sends a few pixels of it"),
    ],
)
def test_the_advice_about_a_file_over_the_limit_can_be_followed(
    is_on_server: bool, advice: str
) -> None:
    """The two ways exclude each other."""
    file = PictureFile("a.jpg", Path("/a.jpg"), LIMITS.max_image_bytes + 1, 0.0)
    found = checked(file, LIMITS, is_preprocessed=False, is_on_server=is_on_server)
    assert isinstance(found, Unusable)
    assert found.message.endswith(f"is {LIMITS.max_image_bytes}{advice}")


def test_the_server_is_asked_ahead_on_another_thread(tmp_path: Path) -> None:
    """While it answers, files are read and sent."""
    file = tmp_path / "a.jpg"
    file.write_bytes(b"picture")
    client = EmptyCollection()
    intake = intake_of(client, EndlessFolder(file, 7))
    next(intake.items())
    assert threading.current_thread() not in client.threads


def test_nobody_waits_for_a_server_once_the_intake_is_closed(tmp_path: Path) -> None:
    """The thread that would ask again, for a minute, ends with it."""
    file = tmp_path / "a.jpg"
    file.write_bytes(b"picture")
    client = VanishingCollection()
    is_told = threading.Event()
    intake = intake_of(client, EndlessFolder(file, 7), on_break=lambda _: is_told.set())
    items = intake.items()
    next(items)
    assert is_told.wait(10.0)
    items.close()
    (asking,) = client.threads
    asking.join(10.0)
    assert not asking.is_alive()


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """A folder of pictures of every plain kind, one with transparency, and one that is none."""
    folder = tmp_path / "gallery"
    folder.mkdir()
    for name, content in PLAIN.items():
        if len(content) < 1_000:
            (folder / f"{name}.jpg").write_bytes(content)
    clear = quadrants().convert("RGBA")
    clear.putalpha(100)
    (folder / "clear.png").write_bytes(encode(clear, "PNG"))
    (folder / "small.jpg").write_bytes(encode(quadrants(), "JPEG", quality=50))
    (folder / "none.png").write_bytes(b"broken: no picture")
    return folder


def test_the_client_preprocesses_as_the_server_does(
    tihua: Tihua, memory: Memory, gallery: Path
) -> None:
    """Pixels travel, the very ones that the server would have made of the file."""
    result = tihua("ingest", gallery, "--preprocess", "client")
    assert result.exit_code == 0, result.output
    assert len(memory.items) == 3
    for item_id in memory.items:
        source = memory.pictures[item_id]
        assert (source.rgb.width_px, source.rgb.height_px) == (SIZE, SIZE)
        pixels = np.frombuffer(source.rgb.data, np.uint8).reshape(SIZE, SIZE, 3)
        np.testing.assert_array_equal(pixels, decode((gallery / item_id).read_bytes(), SIZE))


def test_what_the_client_can_t_decode_is_the_server_s_to_refuse(
    tihua: Tihua, memory: Memory, gallery: Path
) -> None:
    """The file travels as it is, so that there is one place that says what is wrong."""
    result = tihua("ingest", gallery, "--preprocess", "client")
    assert memory.pictures["none.png"].content == b"broken: no picture"
    assert "failed: none.png: the picture" in result.stderr


def test_by_default_files_are_sent(tihua: Tihua, memory: Memory, gallery: Path) -> None:
    """The client needs no Pillow for it."""
    tihua("ingest", gallery)
    assert all(source.WhichOneof("source") == "content" for source in memory.pictures.values())


def test_preprocessing_without_pillow_is_one_line_with_the_remedy(
    tihua: Tihua, memory: Memory, gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told before the server is asked for anything."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    result = tihua("ingest", gallery, "--preprocess", "client", "--address", "127.0.0.1:1")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: --preprocess client needs Pillow; install it with: pip install '.[sheet]' in the "
        "checkout\n"
    )
