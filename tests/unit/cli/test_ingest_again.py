"""`tihua ingest` of a folder that went in before: what is unchanged, and what is sent again."""

import os
import re
from pathlib import Path

import pytest
from command_line import Tihua
from scripted_memory import Memory


def test_what_is_there_unchanged_is_not_sent_again(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """A second run sends only the file that failed before."""
    first = tihua("ingest", pictures)
    assert re.fullmatch(r"4 pictures: 3 written, .*; \d+\.\d s, \d+\.\d pictures/s\n", first.stdout)
    memory.calls.clear()
    result = tihua("ingest", pictures)
    assert memory.calls == ["put b.PNG"]
    summary = r"4 pictures: 0 written, 1 failed, 3 unchanged; \d+\.\d s\n"
    assert re.fullmatch(summary, result.stdout)


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
    assert "3 unchanged" in result.stdout
    assert {item.uri for item in memory.items.values()} == uris


def test_a_folder_that_was_moved_is_sent_again(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """The uris then lead to it."""
    tihua("ingest", pictures)
    moved = pictures.rename(pictures.with_name("moved"))
    tihua("ingest", moved)
    assert memory.items["a.jpg"].uri == str(moved / "a.jpg")


def test_an_id_whose_file_can_t_be_looked_for_is_taken(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """It counts as that of another file, and the rest of the folder goes in."""
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


def test_metadata_of_the_folder_goes_to_every_picture(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """Values are typed as those of `items put`, and only another value has pictures sent again."""
    line = ("ingest", pictures, "--metadata", "year=2024", "--metadata", "place=苏州")
    tihua(*line)
    for item in memory.items.values():
        metadata = dict(item.metadata)
        assert (metadata["year"], metadata["place"]) == (2024, "苏州")
        assert metadata["name"] == Path(item.id).name
    assert "3 unchanged" in tihua(*line).stdout
    assert "3 unchanged" in tihua("ingest", pictures).stdout
    assert "3 written" in tihua("ingest", pictures, "--metadata", "year=2025").stdout
    assert dict(memory.items["a.jpg"].metadata)["year"] == 2025


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        ("public=1", "public=true", "3 written"),
        ("public=false", "public=0", "3 written"),
        ("tags=[[1]]", "tags=[[true]]", "3 written"),
        ("other=1", "place=null", "3 written"),
        ("place=null", "place=null", "3 unchanged"),
        ("year=2024", "year=2024.0", "3 unchanged"),
    ],
)
def test_metadata_is_changed_if_json_tells_the_values_apart(
    tihua: Tihua, memory: Memory, pictures: Path, before: str, after: str, outcome: str
) -> None:
    """Filters tell true from 1, and a key with null from none; JSON has one kind of number."""
    tihua("ingest", pictures, "--metadata", before)
    assert outcome in tihua("ingest", pictures, "--metadata", after).stdout


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("file_mtime=0", "--metadata file_mtime is the file's own"),
        ("uri=https://shop.example/", "--metadata uri is reserved: give the value another name"),
        ("$meta=1", "--metadata $meta is reserved"),
        ("serial=9007199254740993", "--metadata['serial']"),
        (f"note={'长' * 330}", "--metadata is 1002 bytes as JSON; the server's limit is 1000"),
    ],
)
def test_metadata_that_can_t_be_kept_is_refused_before_the_first_file(
    tihua: Tihua, memory: Memory, pictures: Path, value: str, complaint: str
) -> None:
    """One line tells of a name that every file has or none can have, or of a bad value."""
    result = tihua("ingest", pictures, "--metadata", value)
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert result.stderr.count("\n") == 1
    assert not memory.collections
    assert not memory.calls
