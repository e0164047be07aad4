"""What a session remembers of failures: enough to tell of them again, and nothing of the items."""

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest
from ingest_streams import Shelf, batch, break_off, drain, ingester_of, run, stream, summary
from picture_files import encode, noise
from tihua_server.errors import StoreUnavailable
from tihua_server.ingest.draft import Draft
from tihua_server.ingest.events import Ack, DraftBatch
from tihua_server.ingest.ingester import Ingester
from tihua_server.served_models import ServedModels
from tihua_server.types import Content, EncodedImage, Text


class KeptText(Text):
    """A text that can be looked after."""


class KeptImage(EncodedImage):
    """A picture that can be looked after."""


BAD: dict[str, tuple[str, Callable[[], Content]]] = {
    "no id": ("", lambda: KeptText("马")),
    "empty text": ("bad", lambda: KeptText(" ")),
    "no picture": ("bad", lambda: KeptImage(b"no picture")),
    "half a picture": ("bad", lambda: KeptImage(encode(noise(32, 32), "PNG")[:2_000])),
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_failure_keeps_nothing_of_what_failed(ingester: Ingester, kind: str) -> None:
    """An error that was raised holds on to what was worked on, unless it is told to let go."""
    item_id, make = BAD[kind]
    content = make()
    look = weakref.ref(content)
    mixed = DraftBatch(1, [Draft(item_id, content), Draft("good", Text("马"))], 10)
    del content
    events = await drain(run(ingester, stream(mixed)))
    assert summary(events).failed == 1
    # A thread of the preprocessor holds on to its latest picture, and to no more.
    picture = EncodedImage(encode(noise(32, 32), "PNG"))
    later = stream(DraftBatch(1, [Draft("later", picture)], 10))
    await drain(run(ingester, later, session="later"))

    del mixed
    gc.collect()

    assert look() is None, gc.get_referrers(look())


async def test_a_write_that_fails_keeps_nothing_of_the_stream(
    ingester: Ingester, shelf: Shelf
) -> None:
    """Its error would hold all that was at work, for as long as the session is remembered."""
    shelf.leaves_after = 0
    batches = stream(batch(1, "a"))
    look = weakref.ref(batches)
    with pytest.raises(StoreUnavailable):
        await drain(run(ingester, batches))
    del batches
    gc.collect()
    assert look() is None, gc.get_referrers(look())


async def test_a_write_that_fails_after_its_client_has_left_is_not_lost_on_asyncio(
    ingester: Ingester, shelf: Shelf
) -> None:
    """Nobody is there to hear of it, and that is no bug."""
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    shelf.is_open.clear()
    shelf.leaves_after = 0
    left = asyncio.ensure_future(drain(run(ingester, stream(batch(1, "a")))))
    await shelf.has_been_asked.wait()
    left.cancel()
    await asyncio.sleep(0)
    shelf.is_open.set()
    await asyncio.wait([left])
    del left
    gc.collect()
    assert told == []


async def test_failures_of_all_sessions_together_are_bounded(
    models: ServedModels, shelf: Shelf
) -> None:
    """The session that has rested longest is forgotten, and the others tell of theirs again."""
    ingester = ingester_of(models, shelf, max_kept_failures=4)
    for name in ("old", "middle", "new"):
        await break_off(ingester, batch(1, "a", "b", text=" "), session=name)

    told = {}
    for name in ("new", "middle", "old"):
        events = await drain(run(ingester, stream(), session=name))
        told[name] = [
            entry for event in events if isinstance(event, Ack) for entry in event.failures
        ]

    assert {name: len(failures) for name, failures in told.items()} == {
        "new": 2,
        "middle": 2,
        "old": 0,
    }
