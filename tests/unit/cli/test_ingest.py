"""`tihua ingest`: which files go in, and what is said about it."""

import json
import os
from pathlib import Path

import pytest
from command_line import Tihua
from PIL import Image
from scripted_memory import Memory

GOOD = {"a.jpg", "cats/tom.tiff", "cats/猫 咪.webp"}


def test_the_pictures_of_a_folder_go_in(tihua: Tihua, memory: Memory, pictures: Path) -> None:
    """Ids are paths within the folder, uris absolute paths, the metadata tells the file."""
    result = tihua("ingest", pictures)
    assert result.exit_code == 0, result.output
    assert set(memory.items) == GOOD
    cat = pictures / "cats" / "猫 咪.webp"
    item = memory.items["cats/猫 咪.webp"]
    assert item.uri == str(cat)
    assert dict(item.metadata) == {
        "name": "猫 咪.webp",
        "file_bytes": cat.stat().st_size,
        "file_mtime": round(cat.stat().st_mtime, 3),
    }


def test_a_broken_file_is_named_with_the_reason_on_one_safe_line(
    tihua: Tihua, pictures: Path
) -> None:
    """The server's message is shown without its line break and escape sequence taking effect."""
    result = tihua("ingest", pictures)
    assert result.exit_code == 0
    assert "failed: b.PNG: the picture can't be \\x1b[31mdecoded\n" in result.stderr
    assert "4 pictures: 3 written, 1 failed, 0 unchanged" in result.stdout


def test_strict_makes_a_failure_the_exit_status(tihua: Tihua, pictures: Path) -> None:
    """With --strict a failed file is status 1, and the others are in all the same."""
    assert tihua("ingest", pictures, "--strict").exit_code == 1
    (pictures / "b.PNG").unlink()
    assert tihua("ingest", pictures, "--strict").exit_code == 0


@pytest.mark.parametrize("content", [b"broken", bytes(1001)], ids=["server", "here"])
def test_that_every_file_failed_is_the_exit_status(
    tihua: Tihua, memory: Memory, tmp_path: Path, content: bytes
) -> None:
    """It does not matter who refuses them; a file that is there already is a success."""
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"picture")
    assert tihua("ingest", tmp_path).exit_code == 0
    (tmp_path / "b.jpg").write_bytes(content)
    assert tihua("ingest", tmp_path).exit_code == 0
    picture.unlink()
    result = tihua("ingest", tmp_path)
    assert result.exit_code == 1
    assert result.stdout.startswith("1 picture: 0 written, 1 failed, 0 unchanged")


def test_a_prefix_that_is_no_text_is_refused(tihua: Tihua, memory: Memory, pictures: Path) -> None:
    """北 in GBK, as archives have it: no id could be made with it."""
    result = tihua("ingest", pictures, "--id-prefix", os.fsdecode(b"\xb1\xb1/"))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: --id-prefix has a lone surrogate (U+DCB1)")
    assert result.stderr.count("\n") == 1
    assert not memory.calls


def test_two_folders_share_a_collection_by_prefixes(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """--id-prefix keeps files of one name apart."""
    tihua("ingest", pictures, "--id-prefix", "one/")
    tihua("ingest", pictures / "cats", "--id-prefix", "two/")
    assert set(memory.items) == {f"one/{name}" for name in GOOD} | {
        "two/tom.tiff",
        "two/猫 咪.webp",
    }


def test_a_file_over_the_server_s_limit_never_leaves(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """A file or a name that is too long is a failure, told by size and bound."""
    (pictures / "large.jpg").write_bytes(bytes(1001))
    (pictures / ("n" * 50 + ".jpg")).write_bytes(b"picture")
    result = tihua("ingest", pictures)
    assert "failed: large.jpg: file is 1001 bytes; the server's limit is 1000:" in result.stderr
    assert "id is 54 bytes; the server's limit is 40" in result.stderr
    assert "put large.jpg" not in memory.calls
    assert set(memory.items) == GOOD


def test_a_large_file_may_be_preprocessed_here(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """Its pixels travel, not its bytes; one that can't be decoded is too large to be sent."""
    Image.effect_noise((64, 64), 90).save(pictures / "large.png")
    (pictures / "broken.png").write_bytes(bytes(1001))
    result = tihua("ingest", pictures, "--preprocess", "client")
    assert "large.png" in memory.items
    assert "failed: broken.png: these 1001 bytes can't be read as a picture" in result.stderr
    assert "put broken.png" not in memory.calls


def test_an_unreadable_file_is_a_failure(
    tihua: Tihua, memory: Memory, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named with the reason, and the others go in."""
    read_bytes = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name == "a.jpg":
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    result = tihua("ingest", pictures)
    assert "failed: a.jpg: Permission denied" in result.stderr
    assert set(memory.items) == GOOD - {"a.jpg"}


def test_json_is_an_object_a_failure_and_one_summary(tihua: Tihua, pictures: Path) -> None:
    """There is nothing else on stdout."""
    result = tihua("ingest", pictures, "--json")
    failure, summary = map(json.loads, result.stdout.splitlines())
    assert failure == {
        "kind": "failure",
        "id": "b.PNG",
        "reason": "UNREADABLE_IMAGE",
        "message": "the picture\ncan't be \x1b[31mdecoded",
    }
    seconds, pace = summary.pop("seconds"), summary.pop("images_per_second")
    assert seconds > 0
    assert pace > 0
    left_out = {"left_out": 1, "left_out_suffixes": {"txt": 1}}
    counts = {"pictures": 4, "written": 3, "failed": 1, "skipped": 0}
    assert summary == {"kind": "summary"} | counts | left_out
    summary = json.loads(tihua("ingest", pictures, "--json").stdout.splitlines()[-1])
    counts = {"pictures": 4, "written": 0, "failed": 1, "skipped": 3}
    assert counts.items() <= summary.items()


def test_a_single_file_goes_in_under_its_name(tihua: Tihua, memory: Memory, pictures: Path) -> None:
    """DIR may be a file."""
    tihua("ingest", pictures / "cats" / "tom.tiff")
    assert set(memory.items) == {"tom.tiff"}


def test_what_is_left_out_is_told_by_suffix(tihua: Tihua, pictures: Path) -> None:
    """The most frequent suffix comes first; what is hidden, here or on Windows, is not counted."""
    names = [
        "1.HEIC",
        "cats/2.heic",
        "3.ＪＰＧ",
        "4",
        "5.mov",
        "6.mov",
        "7.mov",
        "8.a",
        "9.b",
        "10.c",
    ]
    for name in (*names, ".DS_Store", "Thumbs.db", "cats/desktop.ini"):
        (pictures / name).write_bytes(b"no picture")
    result = tihua("ingest", pictures)
    assert "left out 11 files of other types (mov 3, heic 2, " in result.stderr
    assert result.stderr.endswith(", others 3)\n")
    (pictures / "cats" / "phone.jfif").write_bytes(b"picture")
    summary = json.loads(tihua("ingest", pictures, "--json").stdout.splitlines()[-1])
    assert summary["written"] == 1
    assert summary["left_out"] == sum(summary["left_out_suffixes"].values()) == 11
    assert summary["left_out_suffixes"].items() >= {"mov": 3, "heic": 2, "ｊｐｇ": 1, "": 1}.items()


def test_a_folder_without_pictures_is_said_to_be_so(tihua: Tihua, tmp_path: Path) -> None:
    """It is no error, and the sum is zero."""
    result = tihua("ingest", tmp_path)
    assert result.exit_code == 0
    assert f"no pictures in {tmp_path}" in result.stderr
    assert "0 pictures: 0 written, 0 failed, 0 unchanged" in result.stdout
    assert tihua("collections", "list", "--json").stdout == ""


def test_a_name_that_is_not_utf_8_is_a_failure(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """It can't be an id; it is shown escaped, and JSON stays JSON."""
    (pictures / os.fsdecode(b"\xff.jpg")).write_bytes(b"picture")
    result = tihua("ingest", pictures)
    assert "failed: \\xff.jpg: the file's path is not valid UTF-8" in result.stderr
    assert "GBK" not in result.stderr
    lines = tihua("ingest", pictures, "--json").stdout.splitlines()
    assert json.loads(lines[0])["reason"] == "NAME_NOT_UTF8"
    assert set(memory.items) == GOOD


def test_a_name_in_gbk_is_read_to_the_user(tihua: Tihua, memory: Memory, pictures: Path) -> None:
    """All its bytes are shown, though some of them are letters in UTF-8, and how to convert it."""
    (pictures / "图册").mkdir()
    (pictures / "图册" / os.fsdecode("相片一.jpg".encode("gbk"))).write_bytes(b"picture")
    result = tihua("ingest", pictures)
    assert "failed: 图册/\\xcf\\xe0\\xc6\\xac\\xd2\\xbb.jpg: the file's path is" in result.stderr
    assert "; it may be GBK (图册/相片一.jpg) or Big5 (图册/眈え珨.jpg); to see" in result.stderr
    assert "new names: convmv -f gbk -t utf8 -r DIR (or -f big5)\n" in result.stderr
    assert set(memory.items) == GOOD


def test_a_name_in_big5_is_not_said_to_be_gbk(tihua: Tihua, pictures: Path) -> None:
    """As such most can be read, to Hanzi that mean nothing; no command renames anything yet."""
    for name in ("臺灣.jpg", "谿山行旅圖.jpg"):
        (pictures / os.fsdecode(name.encode("big5"))).write_bytes(b"picture")
    told = tihua("ingest", pictures).stderr
    assert "; it may be GBK (籓芖.jpg) or Big5 (臺灣.jpg); to see the new names: convmv" in told
    assert "; it may be Big5 (谿山行旅圖.jpg); to see the new names: convmv -f big5 -t" in told
    assert "--notest" not in told


def test_a_folder_whose_name_is_not_utf_8_is_one_failure(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """There is not one for each of its pictures, which go in once its name is mended."""
    album = pictures / os.fsdecode("照片".encode("gbk"))
    album.mkdir()
    for name in ("1.jpg", "2.jpg", "3.jpg"):
        (album / name).write_bytes(b"picture")
    result = tihua("ingest", pictures)
    assert result.stderr.count("it may be GBK (照片/)") == 1
    assert "5 pictures: 3 written, 2 failed, 0 unchanged" in result.stdout
    album = album.rename(pictures / "照片")
    tihua("ingest", pictures)
    assert set(memory.items) == GOOD | {f"照片/{number}.jpg" for number in (1, 2, 3)}


def test_a_folder_whose_name_is_not_utf_8_may_hold_no_pictures(
    tihua: Tihua, memory: Memory, tmp_path: Path
) -> None:
    """Then nothing of it fails, and no collection is made for it; its files are left out."""
    documents = tmp_path / os.fsdecode("文件".encode("gbk"))
    (documents / "2024").mkdir(parents=True)
    (documents / "2024" / "a.doc").write_bytes(b"text")
    for folder in (tmp_path, documents, documents / "2024"):
        result = tihua("ingest", folder, "--strict")
        assert result.exit_code == 0
        assert result.stderr.startswith("no pictures in ")
        assert result.stderr.endswith("left out 1 file of other types (doc 1)\n")
    assert tihua("collections", "list", "--json").stdout == ""

    (tmp_path / "a.jpg").write_bytes(b"picture")
    result = tihua("ingest", tmp_path, "--strict")
    assert (result.exit_code, result.stderr.count("failed")) == (0, 0)
    assert set(memory.items) == {"a.jpg"}

    (documents / "2024" / "b.jpg").write_bytes(b"picture")
    result = tihua("ingest", tmp_path, "--strict")
    assert (result.exit_code, result.stderr.count("failed: ")) == (1, 1)


def test_a_folder_below_one_whose_name_is_not_utf_8_is_one_failure(
    tihua: Tihua, memory: Memory, tmp_path: Path
) -> None:
    """No uri can be made there."""
    folder = tmp_path / os.fsdecode("照片".encode("gbk")) / "2024"
    folder.mkdir(parents=True)
    for name in ("1.jpg", "2.jpg"):
        (folder / name).write_bytes(b"picture")
    result = tihua("ingest", folder)
    assert f"it may be GBK ({tmp_path}/照片/2024) or" in result.stderr
    assert "1 picture: 0 written, 1 failed, 0 unchanged" in result.stdout
    assert not memory.items


def test_the_collection_is_made_as_asked(tihua: Tihua, pictures: Path) -> None:
    """--index, --index-param and --shards hold for a new one, and are said not to for an old."""
    options = ("--index", "ivf_flat", "--index-param", "nlist=512", "--shards", "2")
    tihua("ingest", pictures, "-c", "paintings", *options)
    shown = json.loads(tihua("collections", "show", "paintings", "--json").stdout)
    assert (shown["index"], shown["index_params"], shown["shards"]) == (
        "IVF_FLAT",
        {"nlist": 512},
        2,
    )
    again = tihua("ingest", pictures, "-c", "paintings", *options)
    assert "collection paintings already exists" in again.stderr
