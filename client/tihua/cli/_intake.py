"""Turns the pictures of a folder into items, leaving out those that the collection already has.

    folder ──> pages ──> decided, one page ahead ──> files read, some ahead ──> items, in order

The buffers in between are bounded in items and in bytes, however large the folder.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import PurePosixPath

import tihua
from tihua._cores import usable_cores
from tihua._folder import Folder, Found, PictureFile, Unusable
from tihua._read_ahead import LOAD_THREADS, two_stages
from tihua._reconnect import Reconnect
from tihua.cli._decision import Decision, checked, compared
from tihua.cli._progress import Tally

_PAGE_ITEMS = 256
"""Ids asked for in one call, if the server's limits allow as many."""


class Intake:
    """Turns the files of a folder into items, and counts those that need not or can't be sent.

    Args:
        client: asked which items exist, in a separate thread.
        folder: the folder with the files.
        limits: the server's limits.
        tally: counts the files that are not sent, skipped or failed; the server counts the others.
        is_forced: whether to embed unchanged files again.
        preprocess_size: side of the square, in pixels, that pictures are resized to here; None
            sends the files. Needs Pillow.
        server_folder: the folder's path on the server, below its `--image-root`, if the server
            reads the files itself; None sends them.
        on_unusable: called with each file that can't be sent.
        on_step: called after each file.
        on_break: called, in the separate thread, when asking the server failed and will be retried.
        reconnect_timeout_s: how long to retry after that, in seconds.
    """

    def __init__(
        self,
        client: tihua.Client,
        folder: Folder,
        limits: tihua.Limits,
        tally: Tally,
        *,
        is_forced: bool,
        preprocess_size: int | None = None,
        server_folder: PurePosixPath | None = None,
        on_unusable: Callable[[Unusable], None],
        on_step: Callable[[], None],
        on_break: Callable[[tihua.TihuaError], None],
        reconnect_timeout_s: float,
    ) -> None:
        self._client = client
        self._folder = folder
        self._limits = limits
        self._tally = tally
        self._is_forced = is_forced
        self._preprocess_size = preprocess_size
        self._server_folder = server_folder
        self._on_unusable = on_unusable
        self._on_step = on_step
        self._on_break = on_break
        self._reconnect_timeout_s = reconnect_timeout_s
        self._is_closed = threading.Event()

    def items(self) -> Generator[tihua.Item, None, None]:
        """Yield the items that must be embedded, in the order of the folder.

        Closing the generator ends its threads.

        Raises:
            tihua.TihuaError: the server can't be asked which items exist, or did not come back.
        """
        try:
            yield from self._outcomes()
        finally:
            self._is_closed.set()

    def _outcomes(self) -> Generator[tihua.Item, None, None]:
        # Preprocessing keeps a core busy, and a large picture takes 200 MB meanwhile.
        threads = min(LOAD_THREADS, usable_cores()) if self._preprocess_size else LOAD_THREADS
        outcomes = two_stages(
            self._pages(), self._decided, self._loaded, self._held_bytes, threads=threads
        )
        with closing(outcomes):
            for outcome in outcomes:
                if isinstance(outcome, tihua.Item):
                    yield outcome
                elif outcome is None:
                    self._tally.skipped += 1
                else:
                    self._tally.failed += 1
                    self._on_unusable(outcome)
                self._on_step()

    def _pages(self) -> Iterator[list[Found]]:
        size = min(_PAGE_ITEMS, self._limits.max_page_size, self._limits.max_batch_items)
        found = iter(self._folder)
        while page := list(islice(found, size)):
            yield page

    def _decided(self, page: Iterable[Found]) -> list[Decision]:
        """Return what to do with each file, after one call to the server."""
        is_preprocessed = self._preprocess_size is not None
        usable = [
            checked(
                file,
                self._limits,
                is_preprocessed=is_preprocessed,
                is_on_server=self._server_folder is not None,
            )
            for file in page
        ]
        files = [file for file in usable if isinstance(file, PictureFile)]
        stored = {} if self._is_forced else self._stored(files)
        return [
            compared(file, stored.get(file.id)) if isinstance(file, PictureFile) else file
            for file in usable
        ]

    def _stored(self, files: list[PictureFile]) -> dict[str, tihua.Item]:
        """Return the collection's items with the ids of these files, by id."""
        if not files:
            return {}
        ids = [file.id for file in files]
        reconnect = Reconnect(self._reconnect_timeout_s, on_break=self._on_break)
        while True:
            try:
                stored = self._client.get_items(ids, fields=["uri", "metadata"])
            except tihua.TihuaError as error:
                if self._is_closed.is_set():  # don't report the break
                    raise
                if self._is_closed.wait(reconnect.delay_after(error, 0)):
                    raise
            else:
                return {item.id: item for item in stored}

    def _held_bytes(self, decision: Decision) -> int:
        if not isinstance(decision, PictureFile) or self._server_folder is not None:
            return 0
        return max(decision.size_bytes, 3 * (self._preprocess_size or 0) ** 2)

    def _loaded(self, decision: Decision) -> tihua.Item | Unusable | None:
        """Return the item of a file to send, read and, if wanted, preprocessed."""
        if not isinstance(decision, PictureFile):
            return decision
        image: tihua.ImageLike
        if self._server_folder is not None:
            within = decision.id.removeprefix(self._folder.id_prefix)
            image = tihua.ServerPath(str(self._server_folder / within))
        else:
            try:
                image = self._preprocessed(decision.path.read_bytes())
            except OSError as error:
                return Unusable(decision.id, "FILE_UNREADABLE", error.strerror or str(error))
            except tihua.InvalidRequestError as error:
                return Unusable(decision.id, error.reason, error.message)
        return tihua.Item(decision.id, image=image, uri=decision.uri, metadata=decision.metadata)

    def _preprocessed(self, content: bytes) -> tihua.ImageLike:
        """Return a picture as it will be sent; the file if the server can better report its fault.

        Raises:
            InvalidRequestError: it can't be preprocessed, and is too large to be sent.
        """
        if self._preprocess_size is None:
            return content
        try:
            return tihua.preprocess(
                content, self._preprocess_size, max_pixels=self._limits.max_image_pixels
            )
        except tihua.InvalidRequestError:
            if len(content) > self._limits.max_image_bytes:
                raise
            return content
