"""The files of a folder that are no pictures by their names, counted by suffix."""

import os
from collections import Counter

_MAX_SUFFIXES = 1_000
_MAX_SUFFIX_CHARACTERS = 12


class LeftOut:
    """Counts files that are left out, in the same memory however many there are.

    A suffix that is all digits or longer than 12 characters rather belongs to the name; files with
    such a one count in `files` alone, and so do those with a suffix after the first 1 000.

    Attributes:
        files: how many there are.
    """

    def __init__(self) -> None:
        self.files = 0
        self._suffixes: Counter[str] = Counter()

    def add(self, name: str) -> None:
        """Count a file."""
        self.files += 1
        suffix = os.path.splitext(name)[1][1:].lower()  # noqa: PTH122 - fast
        if len(suffix) > _MAX_SUFFIX_CHARACTERS or suffix.isdigit():
            return
        if suffix in self._suffixes or len(self._suffixes) < _MAX_SUFFIXES:
            self._suffixes[suffix] += 1

    def most_common(self, limit: int) -> list[tuple[str, int]]:
        """Return suffixes with how many files have them, most frequent first.

        Args:
            limit: suffixes at most.

        Returns:
            The suffixes in lower case and without the dot; empty for files that have none.
        """
        return self._suffixes.most_common(limit)
