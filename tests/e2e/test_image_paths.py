"""Pictures that the server reads from a folder that its operator allowed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import tihua
from fake_encoder import FakeEncoder
from in_process import serving
from picture_files import encode, noise
from processes import GALLERY, run_tihua, running
from tihua_server.config import Config, Limits


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder on a shared disk."""
    root = tmp_path / "disk"
    root.mkdir()
    (root / "a.png").write_bytes(encode(noise(40, 30), "PNG"))
    (root / "notes.txt").write_text("no picture")
    (root / "large.png").write_bytes(bytes(60_000))
    (tmp_path / "secret.png").write_bytes(encode(noise(9, 9), "PNG"))
    return root


@pytest.fixture
async def client(
    encoder: FakeEncoder, folder: Path, tmp_path: Path
) -> AsyncIterator[tihua.AsyncClient]:
    """A client of a server with access to this disk."""
    config = Config(
        port=0,
        data_dir=tmp_path / "data",
        image_root=folder,
        limits=Limits(max_image_bytes=50_000),
        drain_timeout_s=5,
    )
    async with (
        serving(encoder, config) as app,
        tihua.AsyncClient(app.address, collection="c") as opened,
    ):
        await opened.create_collection()
        yield opened


async def test_a_picture_by_path_is_the_picture_itself(
    client: tihua.AsyncClient, folder: Path
) -> None:
    """Both give the same results when embedded, searched with and ingested."""
    assert (await client.server_info()).takes_image_paths
    path = tihua.ServerPath("a.png")
    assert await client.embed_image(path) == await client.embed_image(folder / "a.png")
    assert (await client.ingest([tihua.Item("a", image=path)])).written == 1
    [hit] = await client.search(image=path)
    assert hit.score == pytest.approx(1)


async def test_what_can_not_be_read_fails_alone(client: tihua.AsyncClient) -> None:
    """In calls and streams, the good one beside it is embedded."""
    paths = ["a.png", "../secret.png", "none.png", "notes.txt", "large.png", "/a.png"]
    reasons = {
        "../secret.png": "FILE_NOT_FOUND",
        "none.png": "FILE_NOT_FOUND",
        "notes.txt": "UNREADABLE_IMAGE",
        "large.png": "IMAGE_TOO_LARGE",
        "/a.png": "WRONG_PATH",
    }
    result = await client.embed_images(map(tihua.ServerPath, paths))
    assert {paths[error.index]: error.reason for error in result.errors} == reasons
    assert result.embeddings[0] is not None
    failed = {}
    summary = await client.ingest(
        [tihua.Item(path, image=tihua.ServerPath(path)) for path in paths],
        on_progress=lambda progress: failed.update({e.id: e.reason for e in progress.errors}),
    )
    assert (summary.written, failed) == (1, reasons)


async def test_without_a_folder_no_file_is_opened(encoder: FakeEncoder, tmp_path: Path) -> None:
    """This is the default, and the message says whom to ask."""
    config = Config(port=0, data_dir=tmp_path, drain_timeout_s=5)
    async with serving(encoder, config) as app, tihua.AsyncClient(app.address) as client:
        assert not (await client.server_info()).takes_image_paths
        with pytest.raises(tihua.InvalidRequestError, match="does not open files") as refused:
            await client.embed_image(tihua.ServerPath("a.png"))
        assert refused.value.reason == "PATHS_NOT_ALLOWED"


def test_a_folder_is_ingested_by_its_names(tmp_path: Path) -> None:
    """The command ingests a subfolder of the allowed one; a second run skips everything."""
    year = tmp_path / "disk" / "2024"
    year.mkdir(parents=True)
    for picture in sorted(GALLERY.glob("*.jpg"))[:3]:
        (year / picture.name).write_bytes(picture.read_bytes())
    with running(
        tmp_path / "data", "--image-root", str(year.parent), module="fake_server"
    ) as server:
        command: list[str | Path] = [
            "ingest",
            year,
            "--server-folder",
            "2024",
            "--id-prefix",
            "disk/",
        ]
        first = run_tihua(*command, address=server.address)
        assert "3 pictures: 3 written" in first.stdout, first.stderr
        again = run_tihua(*command, address=server.address)
        assert "3 unchanged" in again.stdout
        wrong = run_tihua("ingest", year, "--server-folder", "2023", "--force",
                          address=server.address)  # fmt: skip
        assert "there is no file '2023/" in wrong.stderr
