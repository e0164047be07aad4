"""Pages of hits: what is written, whatever the files and names."""

import html
from pathlib import Path

from tihua import Hit
from tihua._exhibit import exhibit
from tihua._page import page

EVIL = "\"><script>alert(1)</script><img src=x onerror='alert(1)'>&"


def test_a_page_escapes_everything() -> None:
    """Names, uris, queries and footers are text, whatever is in them."""
    hits = [
        Hit(EVIL, 0.5, f"/{EVIL}", {"name": EVIL}),
        Hit("b", 0.4, f"https://example.com/{EVIL}"),
        Hit("c", 0.3, f"javascript:alert('{EVIL}')"),
    ]
    text = page([exhibit(hits, text=EVIL, picture=Path(f"/q/{EVIL}.jpg"))], footer=EVIL)
    assert "<script" not in text
    assert "onerror='" not in text
    assert "javascript:" not in text
    assert html.escape(EVIL) in text


def test_a_page_shows_local_files_and_links_the_rest() -> None:
    """Local pictures as file URLs, http addresses as links, others as a name."""
    hits = [
        Hit("猫 1.jpg", 0.5, "/照片/猫 1.jpg"),
        Hit("b", 0.4, "https://example.com/b.jpg"),
        Hit("c", 0.3, "s3://bucket/c.jpg"),
    ]
    text = page([exhibit(hits, text="枯藤老树昏鸦")])
    assert '<img src="file:///%E7%85%A7%E7%89%87/%E7%8C%AB%201.jpg" alt="猫 1.jpg"' in text
    assert '<a class="mat" href="https://example.com/b.jpg"' in text
    assert text.count("<img") == 1
    assert "s3://" not in text
    assert '<h1 class="vertical" style="font-size: 2.9rem">枯藤老树昏鸦</h1>' in text


def test_a_page_makes_room_for_a_poem() -> None:
    """The more columns, the smaller they are; elsewhere the browser minds the marks."""
    poem = "昔人已乘黄鹤去，此地空余黄鹤楼。" * 4
    text = page([exhibit([], text=poem)])
    assert 'style="font-size: 1.1rem">昔人已乘黄鹤去\n此地空余黄鹤楼\n' in text
    assert "line-break: strict" in text
    assert "<h1>a dog in the snow</h1>" in page([exhibit([], text="a dog\nin the snow")])
