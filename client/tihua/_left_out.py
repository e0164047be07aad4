"""The files of a folder that are not pictures by their names, counted by suffix."""

import os
from collections import Counter

_MAX_SUFFIXES = 1_000
_MAX_SUFFIX_CHARACTERS = 12


class LeftOut:
    """Counts the files that are left out, in bounded memory.

    A suffix of digits only, or of more than 12 characters, is probably part of the name: such files
    count only in `files`, and so do files whose suffix is not among the first 1 000.

    Attributes:
        files: number of files left out.
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
        """Return the suffixes with their numbers of files, most frequent first.

        Args:
            limit: maximum number of suffixes.

        Returns:
            The suffixes in lower case and without the dot; empty for files without one.
        """
        return self._suffixes.most_common(limit)
