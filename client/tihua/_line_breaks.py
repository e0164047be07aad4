"""Line breaking of Chinese (避头尾).

No closing mark begins a line, no opening mark ends one, and a word of ASCII letters stays whole.
"""

_CLOSING = frozenset("，。！？；：、）」』》〉】〕”’…—·,.!?;:)]}")
_OPENING = frozenset("（「『《〈【〔“‘([{")


def line_end(text: str, most: int) -> int:
    """Return the number of characters on the first line of a text.

    Args:
        text: words separated by single spaces.
        most: the number of characters that fit, 1 or more.

    Returns:
        At most `most`. A word longer than the line is cut, and so is a run of marks.
    """
    if most >= len(text):
        return len(text)
    ends = [end for end in range(most, 0, -1) if not _parts_mark(text, end)]
    return next((end for end in ends if not _parts_word(text, end)), ends[0] if ends else most)


def broken(text: str, most: int) -> list[str]:
    """Return the lines of a text, of at most `most` characters each, 1 or more."""
    lines = []
    while text:
        end = line_end(text, most)
        lines.append(text[:end])
        text = text[end:]
    return lines


def unbroken(text: str) -> list[str]:
    """Return the shortest parts that a text can be broken into."""
    ends = [
        end
        for end in range(1, len(text))
        if not _parts_mark(text, end) and not _parts_word(text, end)
    ]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def _parts_mark(text: str, end: int) -> bool:
    """Return whether a break there separates a mark from what it closes or opens."""
    last = text[max(0, end - 2) : end].rstrip()[-1:]
    first = text[end : end + 2].lstrip()[:1]
    return last in _OPENING or first in _CLOSING


def _parts_word(text: str, end: int) -> bool:
    """Return whether a break there is within a word of ASCII letters; beside a Hanzi it is not."""
    neighbours = text[end - 1 : end + 1]
    return neighbours.isascii() and " " not in neighbours
