"""Text from elsewhere can't command the terminal that it is shown on."""

import json
import os
import time

import pytest
from tihua._printable import json_line, one_line, printable

INVISIBLE = "\u200b\ufeff\u00ad猫\u200d狗"
DANGEROUS = "\x1b[2J \x9b31m \x07 \r\n \u202e \u2028 \udcff \x7f"


def test_control_characters_are_shown_as_their_escapes() -> None:
    """Escape sequences, line breaks, bidirectional overrides, lone surrogates."""
    assert printable(DANGEROUS) == ("\\x1b[2J \\x9b31m \\x07 \\r\\n \\u202e \\u2028 \\xff \\x7f")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("零\u200b宽\ufeff", "零\\u200b宽\\ufeff"),
        ("soft\u00adhyphen \u200cx\u2060", "soft\\xadhyphen \\u200cx\\u2060"),
        ("猫\u200d狗\u200d🐱\u200d", "猫\\u200d狗\\u200d🐱\\u200d"),
        ("\u3000空\u3000格\u3000\u3000", "\\u3000空\u3000格\\u3000\\u3000"),
        ("\u00a0a\u00a0b", "\\xa0a\u00a0b"),
        (os.fsdecode(b"\xd5\xd5.jpg"), "\\xd5\\xd5.jpg"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_nobody_sees_is_shown_as_its_escape(text: str, expected: str) -> None:
    """Characters without a look, blanks at either end, bytes that are no text."""
    assert printable(text) == expected


@pytest.mark.parametrize(
    "text",
    ["枯藤老树昏鸦", "👩‍👩‍👧", "🏳️‍🌈 🧑🏽‍🚀 ❤️‍🔥 🙂‍↔️", "é", "[bold]x[/bold]", "a b", "全　角"],
)
def test_what_is_harmless_stays(text: str) -> None:
    """字, emoji of several code points, and what rich would take for markup."""
    assert printable(text) == text


def test_a_long_run_of_blanks_takes_no_time() -> None:
    """Within a text, too, where they stay as they are."""
    text = "a" + 60_000 * "\u3000" + "b"
    began_s = time.thread_time()
    assert printable(text) == text
    assert time.thread_time() - began_s < 1


def test_a_message_is_one_line() -> None:
    """White space of any kind is one space."""
    assert one_line(" a\n\tb \r\n c\x1b ") == "a b c\\x1b"


def test_json_stays_json_and_harmless() -> None:
    """It says the same as before, on one line, and holds no control character."""
    value = {"id": DANGEROUS + INVISIBLE, "字": [1, None, "猫"]}
    line = json_line(value)
    assert json.loads(line) == value
    assert "猫" in line
    assert not any(
        character in line for character in "\x1b\x9b\x7f\u202e\u2028\n\u200b\ufeff\u00ad\u200d"
    )
    line.encode()
