"""The pictures of a folder on their way to the server: what is there already never leaves."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import tihua
from tihua._folder import Folder, Found, PictureFile, Unusable

_PAGE_ITEMS = 256
"""Ids asked for in one call, if the server's limits allow as many."""


@dataclass(slots=True)
class Tally:
    """How many pictures became what; all of them are sent, in the end, to one of the three."""

    written: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def sent(self) -> int:
        """The number of pictures that were dealt with."""
        return self.written + self.failed + self.skipped


class Intake:
    """Turns the files of a folder into items, and counts those that need not or can't be sent.

    `here` counts what never leaves; what is sent is counted by the server.

    Args:
        client: asked which items are there.
        folder: where the files are.
        limits: of the server.
        is_forced: embed also what is there unchanged.
        on_unusable: called with each file that can't be sent.
        on_step: called after each file.
    """

    def __init__(
        self,
        client: tihua.Client,
        folder: Folder,
        limits: tihua.Limits,
        *,
        is_forced: bool,
        on_unusable: Callable[[Unusable], None],
        on_step: Callable[[], None],
    ) -> None:
        self.here = Tally()
        self._client = client
        self._folder = folder
        self._limits = limits
        self._is_forced = is_forced
        self._on_unusable = on_unusable
        self._on_step = on_step
        self._page_items = min(_PAGE_ITEMS, limits.max_page_size, limits.max_batch_items)

    def items(self) -> Iterator[tihua.Item]:
        """Yield the items that must be embedded, each read when it is asked for.

        Raises:
            tihua.TihuaError: the server can't be asked what is there.
        """
        found = iter(self._folder)
        while page := list(islice(found, self._page_items)):
            files = list(self._usable(page))
            stored = {} if self._is_forced else self._stored(files)
            for file in files:
                item = stored.get(file.id)
                if item is not None and _is_unchanged(item, file):
                    self.here.skipped += 1
                elif item is not None and _is_of_another_file(item, file):
                    message = (
                        f"the collection has this id for {item.uri}; give this folder an "
                        "--id-prefix, or replace what is there with --force"
                    )
                    self._fail(Unusable(file.id, "ID_TAKEN", message))
                elif (item := self._read(file)) is not None:
                    yield item
                self._on_step()

    def _usable(self, page: Iterable[Found]) -> Iterator[PictureFile]:
        for found in page:
            if isinstance(found, Unusable):
                self._fail(found)
            elif (unusable := self._over_limit(found)) is not None:
                self._fail(unusable)
            else:
                yield found

    def _over_limit(self, file: PictureFile) -> Unusable | None:
        """Return why the server would refuse a file whatever is in it, or None."""
        bounds = (
            ("IMAGE_TOO_LARGE", "file", file.size_bytes, self._limits.max_image_bytes),
            ("ID_TOO_LONG", "id", len(file.id.encode()), self._limits.max_id_bytes),
            ("URI_TOO_LONG", "path", len(file.uri.encode()), self._limits.max_uri_bytes),
        )
        for reason, what, size, bound in bounds:
            if size > bound:
                message = f"{what} is {size} bytes; the server's limit is {bound}"
                return Unusable(file.id, reason, message)
        return None

    def _stored(self, files: list[PictureFile]) -> dict[str, tihua.Item]:
        """Return what the collection has under the ids of these files."""
        if not files:
            return {}
        stored = self._client.get_items([file.id for file in files], fields=["uri", "metadata"])
        return {item.id: item for item in stored}

    def _read(self, file: PictureFile) -> tihua.Item | None:
        try:
            content = file.path.read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            self._fail(Unusable(file.id, "FILE_UNREADABLE", reason))
            return None
        return tihua.Item(file.id, image=content, uri=file.uri, metadata=file.metadata)

    def _fail(self, unusable: Unusable) -> None:
        self.here.failed += 1
        self._on_unusable(unusable)


def _is_unchanged(item: tihua.Item, file: PictureFile) -> bool:
    return item.uri == file.uri and all(
        item.metadata.get(key) == value for key, value in file.metadata.items()
    )


def _is_of_another_file(item: tihua.Item, file: PictureFile) -> bool:
    """Tell whether the id stands for a file that is still there: no folder that was moved."""
    other = Path(item.uri)
    return item.uri != file.uri and other.is_file() and not other.samefile(file.path)
