"""The files that items were made of, found again by their uris and ids."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import tihua
from tihua._exhibit import local_path


class Files:
    """Finds and reads the file of an item, in folders that the user named and nowhere else.

    What an item's uri says was written by whoever stored it: no file outside of the folders is
    opened, whatever links lead there.

    Args:
        roots: the folders.
        preprocess_size: side of the square, in pixels, that pictures are resized to here; None
            sends the files. Needs Pillow.
        max_pixels: width times height of a picture that is resized here.
    """

    def __init__(
        self, roots: Sequence[Path], *, preprocess_size: int | None, max_pixels: int
    ) -> None:
        # Both as the user says it, as `tihua ingest` stored it, and without links, to compare.
        self._roots = [Path(os.path.abspath(root)) for root in roots]  # noqa: PTH100
        self._real_roots = [Path(os.path.realpath(root)) for root in roots]
        self._preprocess_size = preprocess_size
        self._max_pixels = max_pixels

    def __call__(self, item: tihua.Item) -> tihua.ImageLike:
        """Return the picture of an item.

        Raises:
            LookupError: it is not in the folders, or is another than was stored.
            OSError: it can't be read.
        """
        path = self._path(item)
        content = path.read_bytes()
        told = item.metadata.get("file_bytes")
        if isinstance(told, int) and told != len(content):
            message = (
                f"{path} has changed since it was ingested, {len(content)} bytes and not {told}: "
                "run tihua ingest first"
            )
            raise LookupError(message)
        if self._preprocess_size is None:
            return content
        try:
            return tihua.preprocess(content, self._preprocess_size, max_pixels=self._max_pixels)
        except tihua.InvalidRequestError:  # the server says why
            return content

    def _path(self, item: tihua.Item) -> Path:
        for path in self._candidates(item):
            real = Path(os.path.realpath(path))
            if any(real.is_relative_to(root) for root in self._real_roots) and real.is_file():
                return path
        named = item.uri or "it has no uri, and a file of its id"
        message = f"{named} is not in {' or '.join(map(str, self._roots))}"
        raise LookupError(message)

    def _candidates(self, item: tihua.Item) -> Iterator[Path]:
        if (told := local_path(item.uri)) is not None:
            yield told
        # `tihua ingest` makes ids of paths: a folder that was moved since is found by them.
        for root in self._roots:
            if "\0" not in item.id:
                yield root / item.id
