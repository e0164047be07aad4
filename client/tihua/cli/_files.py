"""Finds the files of items again, by their uris and ids."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import tihua
from tihua._exhibit import local_path


class Files:
    """Finds the file of an item, only in the folders that the user named.

    An item's uri is not trusted: no file outside the folders is opened, not even through a link.

    Args:
        roots: the folders.
        preprocess_size: side of the square, in pixels, that pictures are resized to here; None
            sends the files. Needs Pillow.
        max_pixels: maximum width times height of a picture that is resized here.
    """

    def __init__(
        self, roots: Sequence[Path], *, preprocess_size: int | None, max_pixels: int
    ) -> None:
        # As the user wrote them, which is how `tihua ingest` stored them; and resolved, to compare.
        self._roots = [Path(os.path.abspath(root)) for root in roots]  # noqa: PTH100
        self._real_roots = [Path(os.path.realpath(root)) for root in roots]
        self._preprocess_size = preprocess_size
        self._max_pixels = max_pixels

    def __call__(self, item: tihua.Item) -> tihua.ImageLike:
        """Return the picture of an item: its path, or its pixels if it is resized here.

        Raises:
            LookupError: it is not in the folders, or has changed since it was stored.
            OSError: it can't be read.
        """
        path = self._path(item)
        size = path.stat().st_size
        recorded_bytes = item.metadata.get("file_bytes")
        if isinstance(recorded_bytes, int) and recorded_bytes != size:
            raise LookupError(
                f"{path} has changed since it was ingested, {size} bytes and not "
                f"{recorded_bytes}: run tihua ingest first"
            )
        if self._preprocess_size is None:
            return path
        try:
            return tihua.preprocess(path, self._preprocess_size, max_pixels=self._max_pixels)
        except tihua.InvalidRequestError:  # the server will report it
            return path

    def _path(self, item: tihua.Item) -> Path:
        for path in self._candidates(item):
            real = Path(os.path.realpath(path))
            if any(real.is_relative_to(root) for root in self._real_roots) and real.is_file():
                return path
        named = item.uri or "it has no uri, and a file of its id"
        raise LookupError(f"{named} is not in {' or '.join(map(str, self._roots))}")

    def _candidates(self, item: tihua.Item) -> Iterator[Path]:
        if (recorded := local_path(item.uri)) is not None:
            yield recorded
        # `tihua ingest` makes ids from paths, so they find the files of a folder that was moved.
        for root in self._roots:
            if "\0" not in item.id:
                yield root / item.id
