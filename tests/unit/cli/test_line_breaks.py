"""Where lines are broken: 避头尾."""

import pytest
from tihua._font import Face
from tihua._line_breaks import broken, line_end, unbroken

TEXTS = [
    "「明月幾時有？」把酒問青天……",
    "《天净沙·秋思》——马致远（元）",
    "子曰：“学而时习之，不亦说乎？有朋自远方来，不亦乐乎？”",
    "一只cat在running，2024年5月1日；一只dog（黑色的）在雪地里！",
    "他说：『“好”、“不好”』，都行。",
]


def is_kept(lines: list[str]) -> bool:
    """Return whether no closing mark begins a line, and no opening mark ends one."""
    starts = not any(line[0] in "，。！？；：、）」』》”’…—·" for line in lines[1:])
    return starts and not any(line[-1] in "（「『《“‘" for line in lines[:-1])


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("most", [7, 8, 9, 12])
def test_marks_stay_with_what_they_close_or_open(text: str, most: int) -> None:
    """They do so at any length of the lines, and nothing is lost."""
    lines = broken(text, most)
    assert is_kept(lines)
    assert max(map(len, lines)) <= most
    assert "".join(lines) == text


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("width_px", [216, 240, 301])
def test_drawn_lines_keep_to_it(text: str, width_px: int) -> None:
    """They do so at any width."""
    face = Face("serif", 30)
    lines = face.wrapped(text, width_px, 20)
    assert is_kept(lines)
    assert "".join(lines) == text
    assert max(map(face.width, lines)) <= width_px


def test_words_of_letters_stay_whole() -> None:
    """字 part anywhere, letters at blanks; what can't be parted is cut."""
    assert broken("a dog in the snow", 8) == ["a dog in", " the ", "snow"]
    assert broken("一只cat在跑", 4) == ["一只", "cat在", "跑"]
    assert broken("wwwwww", 4) == ["wwww", "ww"]
    assert line_end("……………………", 3) == 3


def test_the_parts_of_a_text_are_the_shortest() -> None:
    """A mark with what it closes, a word with its blank."""
    assert unbroken("「好」，a dog") == ["「好」，", "a", " ", "dog"]
    assert unbroken("") == [""]
