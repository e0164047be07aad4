"""`tihua ingest` of a folder that went in before: what is skipped, and what is sent again."""

import os
from pathlib import Path

from command_line import Tihua
from scripted_memory import Memory


def test_what_is_there_unchanged_is_not_sent_again(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """A second run sends only the file that failed before."""
    tihua("ingest", pictures)
    memory.calls.clear()
    result = tihua("ingest", pictures)
    assert memory.calls == ["put b.PNG"]
    assert "sent 4 = 0 written + 1 failed + 3 skipped" in result.stdout


def test_a_changed_file_is_sent_again(tihua: Tihua, memory: Memory, pictures: Path) -> None:
    """A new size or a new time is enough."""
    tihua("ingest", pictures)
    memory.calls.clear()
    (pictures / "a.jpg").write_bytes(b"picture a, larger")
    tom = pictures / "cats" / "tom.tiff"
    os.utime(tom, (0, 1_000_000_000.5))
    tihua("ingest", pictures)
    assert set(memory.calls) == {"put a.jpg", "put b.PNG", "put cats/tom.tiff"}
    assert memory.items["cats/tom.tiff"].metadata["file_mtime"] == 1_000_000_000.5


def test_a_folder_behind_a_link_is_the_same_folder(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """What is there unchanged is skipped, and keeps the uri that it has."""
    tihua("ingest", pictures)
    uris = {item.uri for item in memory.items.values()}
    link = pictures.with_name("link")
    link.symlink_to(pictures)
    memory.calls.clear()
    result = tihua("ingest", link)
    assert memory.calls == ["put b.PNG"]
    assert "3 skipped" in result.stdout
    assert {item.uri for item in memory.items.values()} == uris


def test_a_folder_that_was_moved_is_sent_again(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """So that the uris lead to it."""
    tihua("ingest", pictures)
    moved = pictures.rename(pictures.with_name("moved"))
    tihua("ingest", moved)
    assert memory.items["a.jpg"].uri == str(moved / "a.jpg")


def test_an_id_whose_file_can_t_be_looked_for_is_taken(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """As that of a file that is there; the others of the folder go in."""
    tihua("ingest", pictures)
    memory.items["a.jpg"].uri = f"/home/{'n' * 256}/a.jpg"
    memory.calls.clear()
    result = tihua("ingest", pictures)
    assert result.exit_code == 0, result.stderr
    assert "failed: a.jpg: the collection has this id for /home/nnn" in result.stderr
    assert memory.calls == ["put b.PNG"]
    tihua("ingest", pictures, "--force")
    assert memory.items["a.jpg"].uri == str(pictures / "a.jpg")


def test_force_sends_everything_again(tihua: Tihua, memory: Memory, pictures: Path) -> None:
    """--force embeds what is there unchanged, too."""
    tihua("ingest", pictures)
    memory.calls.clear()
    tihua("ingest", pictures, "--force")
    assert len(memory.calls) == 4
