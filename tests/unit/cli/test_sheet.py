"""Contact sheets: what is drawn, whatever the files and names."""

import struct
import time
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw
from tihua import Hit
from tihua._exhibit import exhibit, local_path
from tihua._font import Face
from tihua._sheet import draw_sheet
from tihua._thumbnail import thumbnail


def picture(path: Path, mode: str = "RGB", color: object = "red") -> Path:
    """Write a picture of one colour, twice as wide as high."""
    Image.new(mode, (40, 20), color).save(path)  # type: ignore[arg-type]
    return path


def drawn(face: Face, text: str) -> Image.Image:
    """Return a line of text drawn in black on white."""
    image = Image.new("RGB", (400, 60), "white")
    face.draw(ImageDraw.Draw(image), (5, 45), text, "black")
    return image


def test_chinese_is_drawn_as_glyphs(tmp_path: Path) -> None:
    """Unlike characters look unlike, which boxes would not."""
    for style in ("serif", "sans"):
        face = Face(style, 40)
        images = {drawn(face, character).tobytes() for character in "枯藤老树昏鸦Aé!"}
        assert len(images) == len("枯藤老树昏鸦Aé!")


def test_a_character_without_a_glyph_is_a_box() -> None:
    """The box is as wide as a character, so that it has room wherever one has."""
    face = Face("sans", 40)
    assert drawn(face, "🐱𠮷") == drawn(face, "□□")
    assert face.width("🐱") == face.width("字")


def test_long_text_is_shortened_to_its_room() -> None:
    """It ends with an ellipsis, and a million characters take no longer."""
    face = Face("sans", 20)
    text = face.shortened("枯藤老树昏鸦" * 200_000, 200)
    assert text.endswith("…")
    assert 150 < face.width(text) <= 200
    assert face.shortened("短", 200) == "短"


def test_a_long_name_keeps_its_ending() -> None:
    """It is cut in the middle: pictures of one second differ in their last characters."""
    face = Face("sans", 20)
    name = face.abridged("微信图片_20240101123456（1）.jpg", 250)
    assert name.startswith("微信图片")
    assert name.endswith("（1）.jpg")
    assert name.count("…") == 1
    assert 200 < face.width(name) <= 250
    assert face.abridged("短.jpg", 250) == "短.jpg"


@pytest.mark.parametrize("text", ["小𠮷", "龘𠮷䶮𬱟㛃𪚥", "🐱小猫和👨‍👩‍👧‍👦"])
def test_a_rare_character_does_not_run_off_the_sheet(text: str) -> None:
    """The margin stays empty, also beside columns."""
    sheet = draw_sheet([exhibit([], text=text)])
    margin = sheet.crop((sheet.width - 60, 0, sheet.width, sheet.height))
    assert len(margin.getcolors() or []) == 1


REGULATED_VERSE = (
    "昔人已乘黄鹤去，此地空余黄鹤楼。黄鹤一去不复返，白云千载空悠悠。"
    "晴川历历汉阳树，芳草萋萋鹦鹉洲。日暮乡关何处是，烟波江上使人愁。"
)


def test_a_poem_of_eight_lines_stands_in_columns() -> None:
    """No character is lost: another last one gives another sheet."""
    whole = exhibit([], text=REGULATED_VERSE)
    assert whole.is_vertical
    assert [len(line) for line in whole.lines] == [7] * 8
    other = exhibit([], text=REGULATED_VERSE.replace("愁", "□"))
    assert draw_sheet([whole]).tobytes() != draw_sheet([other]).tobytes()


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("「明月幾時有？」把酒問青天……", ["「明月幾時有」", "把酒問青天……"]),
        ("子曰：“不亦说乎？不亦乐乎？”", ["子曰", "“不亦说乎", "不亦乐乎”"]),
        ("《清明》，雨纷纷。……", ["《清明》", "雨纷纷……"]),
        ("黄河入海流。——王之涣", ["黄河入海流", "——王之涣"]),
    ],
)
def test_a_column_is_closed_in_itself(text: str, lines: list[str]) -> None:
    """No closing mark is left over for the next."""
    assert exhibit([], text=text).lines == lines


def test_a_long_run_of_marks_takes_no_time() -> None:
    """A text may be anything."""
    began_s = time.thread_time()
    assert exhibit([], text="天" + 60_000 * "，" + "地").lines == ["天", "地"]
    assert time.thread_time() - began_s < 1


def test_an_item_without_a_picture_stands_under_its_whole_id() -> None:
    """The end of it would not tell the lines of two poems apart."""
    hits = [
        Hit("天净沙/1", 0.5),
        Hit("a/b.jpg", 0.4, "/a/b.jpg"),
        Hit("c/1", 0.3, "", {"name": "c"}),
    ]
    assert [piece.name for piece in exhibit(hits).pieces] == ["天净沙/1", "b.jpg", "c"]


def test_the_same_hits_give_the_same_pixels(tmp_path: Path) -> None:
    """Nothing of a sheet depends on time or chance."""
    hits = [Hit("a.jpg", 0.5, str(picture(tmp_path / "a.png")))]
    first = draw_sheet([exhibit(hits, text="枯藤老树昏鸦")])
    assert draw_sheet([exhibit(hits, text="枯藤老树昏鸦")]).tobytes() == first.tobytes()


def test_a_hit_is_letterboxed_in_its_tile(tmp_path: Path) -> None:
    """The whole picture, its shape kept, in the middle of a square."""
    red = picture(tmp_path / "a.png")
    sheet = draw_sheet([exhibit([Hit("a.png", 0.5, str(red))], text="红")])
    is_red = sheet.getchannel("G").point(lambda green: 255 if green == 0 else 0)
    box = is_red.getbbox()
    assert box is not None
    left, top, right, bottom = box
    assert (right - left) == pytest.approx(2 * (bottom - top), abs=2)


def test_every_section_and_row_has_room(tmp_path: Path) -> None:
    """More hits and more queries make a higher sheet; no hits are drawn as such."""
    red = str(picture(tmp_path / "a.png"))
    one = exhibit([Hit("a", 0.5, red)], text="红")
    two_rows = exhibit([Hit(str(number), 0.5, red) for number in range(6)], text="红")
    none = exhibit([], text="空")
    heights = [
        draw_sheet(exhibits).height for exhibits in ([one], [two_rows], [one, one], [one, none])
    ]
    assert heights[0] < heights[1] < heights[2] == heights[3]


@pytest.mark.parametrize(
    "text",
    ["", "红", "大漠孤烟直，长河落日圆。", "，。", "字" * 36, "字" * 5000, "a dog in the snow",
     "w" * 5000, "，" * 5000, "「" * 36, "……" * 18, "一，" * 18,
     "混 mixed 文本 text " * 100, "\x1b[31m\n\u202e🐱", " 红 ", "e\u0301"],
)  # fmt: skip
def test_any_text_can_be_inscribed(text: str, tmp_path: Path) -> None:
    """It stands in columns or lines, cut if need be, alone or under a picture."""
    red = picture(tmp_path / "a.png")
    hits = [Hit(text or "a", 0.5, str(red), {"name": text})]
    plain = draw_sheet([exhibit(hits)])
    inscribed = draw_sheet([exhibit(hits, text=text)])
    if text.strip(" ，。"):
        assert ImageChops.difference(plain, inscribed).getbbox() is not None
    draw_sheet([exhibit(hits, text=text, picture=red)])


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"II*\0"],
)
def test_a_file_that_is_no_picture_is_a_blank_tile(tmp_path: Path, content: bytes) -> None:
    """So are a missing file, a folder and a truncated picture."""
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert thumbnail(path, 100, "white") is None
    assert thumbnail(tmp_path, 100, "white") is None
    assert thumbnail(tmp_path / "gone.jpg", 100, "white") is None
    whole = picture(tmp_path / "whole.png").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert thumbnail(path, 100, "white") is None


def test_a_picture_too_large_to_decode_is_a_blank_tile(tmp_path: Path) -> None:
    """Here it is a small file of 20 000 x 20 000 pixels."""
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    assert thumbnail(path, 100, "white") is None


@pytest.mark.parametrize("kind", ["PPM", "TGA", "ICO", "JPEG2000"])
def test_a_kind_that_no_collection_takes_is_a_blank_tile(tmp_path: Path, kind: str) -> None:
    """A stored uri names the file: it is opened by what the server opens it by, and no more."""
    path = tmp_path / "a.jpg"
    Image.new("RGB", (40, 20), "red").save(path, format=kind)
    assert thumbnail(path, 100, "white") is None


def test_a_picture_with_odd_exif_is_shown(tmp_path: Path) -> None:
    """Its latitude is a text, which Pillow can't write again; the orientation alone is read."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (39.0, 54.0, 15.0)
    path = tmp_path / "a.jpg"
    Image.new("RGB", (40, 20), "red").save(path, exif=exif)
    rational, text = struct.pack(">HH", 2, 5), struct.pack(">HH", 2, 2)
    path.write_bytes(path.read_bytes().replace(rational, text))
    shown = thumbnail(path, 100, "white")
    assert shown is not None
    assert shown.size == (50, 100)


def test_a_float_picture_is_shown_as_the_model_sees_it(tmp_path: Path) -> None:
    """It is black at 0 and white at 1."""
    Image.new("F", (40, 20), 0.5).save(tmp_path / "a.tif")
    shown = thumbnail(tmp_path / "a.tif", 100, "white")
    assert shown is not None
    assert shown.getpixel((50, 25)) == (128, 128, 128)


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("L", 100, (100, 100, 100)),
        ("1", 1, (255, 255, 255)),
        ("I;16", 25_600, (100, 100, 100)),
        ("RGBA", (255, 0, 0, 0), (0, 0, 255)),
        ("LA", (255, 0), (0, 0, 255)),
    ],
)
def test_pictures_of_every_mode_are_shown(
    tmp_path: Path, mode: str, color: object, expected: tuple[int, int, int]
) -> None:
    """16 bits are scaled down, what is transparent shows the mat."""
    shown = thumbnail(picture(tmp_path / "a.png", mode, color), 100, "blue")
    assert shown is not None
    assert shown.size == (100, 50)
    assert shown.getpixel((50, 25)) == expected


def test_a_picture_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    """Orientation 6 is a quarter turn."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    shown = thumbnail(tmp_path / "a.jpg", 100, "white")
    assert shown is not None
    assert shown.size == (50, 100)


def test_tihua_font_must_name_a_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an error says so; a font that it names is used."""
    monkeypatch.setenv("TIHUA_FONT", str(tmp_path / "gone.otf"))
    with pytest.raises(OSError, match=r"TIHUA_FONT must name a \.ttf"):
        Face("serif", 20)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("/a/b.jpg", "/a/b.jpg"),
        ("/a/b#1?x%20.jpg", "/a/b#1?x%20.jpg"),
        ("file:///a/%E7%8C%AB%20b.jpg", "/a/猫 b.jpg"),
        ("file://localhost/a.jpg", "/a.jpg"),
        ("file://elsewhere/a.jpg", None),
        ("http://example.com/a.jpg", None),
        ("http://[", None),
        ("a.jpg", None),
        ("", None),
        ("/a\0b", None),
    ],
)
def test_only_local_files_are_read(uri: str, path: str | None) -> None:
    """Absolute paths and file URLs of this machine are; nothing is fetched."""
    assert local_path(uri) == (None if path is None else Path(path))
