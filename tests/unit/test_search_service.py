"""What a search keeps of its request, and where it is hashed; in memory, with the fake model."""

import asyncio
import gc
import hashlib
import threading
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from fake_encoder import FakeEncoder
from held_encoder import HeldEncoder
from in_memory_store import InMemoryStore
from tihua.v1 import search_service_pb2 as pb
from tihua.v1 import types_pb2
from tihua_server.collection import CollectionSpec, Index, IndexType
from tihua_server.config import Config
from tihua_server.errors import InvalidInput
from tihua_server.item import Item
from tihua_server.observer import Observer
from tihua_server.rpc.call import Calls
from tihua_server.rpc.page_token import encode_page_token, request_digest
from tihua_server.rpc.search_service import SearchService
from tihua_server.searcher import Searcher
from tihua_server.served_models import ServedModels

SIDE = 400
MESSAGES = (
    pb.SearchRequest,
    pb.SearchManyRequest,
    pb.QueryTerm,
    types_pb2.ImageSource,
    types_pb2.RgbImage,
)


@pytest.fixture
def held(encoder: FakeEncoder) -> HeldEncoder:
    """A model that a test can hold up."""
    return HeldEncoder(encoder)


@pytest.fixture
async def service(held: HeldEncoder) -> AsyncIterator[SearchService]:
    """The service with that model and a collection of two items."""
    config = Config(preprocess_threads=1)
    store = InMemoryStore(
        CollectionSpec("pictures", held.info.ref, held.info.dim, Index(IndexType.FLAT))
    )
    rows = np.eye(2, held.info.dim, dtype=np.float32)
    await store.upsert("pictures", [Item(f"{n}", row) for n, row in enumerate(rows)])
    models = ServedModels([held], config)
    yield SearchService(Searcher(models, store), config.limits, Calls(Observer()))
    await models.close()


def search(level: int = 0, **fields: Any) -> pb.SearchRequest:
    """Return a search by a large picture and a text."""
    pixels = types_pb2.RgbImage(
        data=bytes([level]) * (SIDE * SIDE * 3), width_px=SIDE, height_px=SIDE
    )
    terms = [
        pb.QueryTerm(image=types_pb2.ImageSource(rgb=pixels)),
        pb.QueryTerm(text="马"),
    ]
    return pb.SearchRequest(collection="pictures", terms=terms, limit=1, **fields)


def kept() -> Counter[type]:
    """Count the request messages, and the parts of them, that are alive."""
    gc.collect()
    return Counter(type(each) for each in gc.get_objects() if type(each) in MESSAGES)


@pytest.mark.parametrize("many", [False, True])
async def test_the_request_is_gone_while_its_pictures_are_embedded(
    many: bool, service: SearchService, held: HeldEncoder
) -> None:
    """It holds another copy of each, and a call may wait for long."""
    before = kept()
    held.may_go_on.clear()
    # In the making: else this test would hold the request.
    call: Any = (
        service.SearchMany(pb.SearchManyRequest(requests=[search()]), None)  # type: ignore[arg-type]
        if many
        else service.Search(search(), None)  # type: ignore[arg-type]
    )
    answering = asyncio.create_task(call)
    del call
    assert await asyncio.to_thread(held.has_begun.wait, 10)
    assert kept() == before
    held.may_go_on.set()
    await answering


async def test_a_large_picture_is_hashed_in_a_thread(
    service: SearchService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the event loop, everybody else would wait for it."""
    threads = []

    def blake2b(content: bytes, **options: Any) -> Any:
        if len(content) >= SIDE * SIDE * 3:
            threads.append(threading.current_thread())
        return hash_it(content, **options)

    hash_it = hashlib.blake2b
    monkeypatch.setattr(hashlib, "blake2b", blake2b)
    page = await service.Search(search(), None)  # type: ignore[arg-type]
    assert page.next_page_token
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


async def test_a_page_is_of_the_same_picture(service: SearchService) -> None:
    """Its token goes with the same pixels, and with no others."""
    page = await service.Search(search(), None)  # type: ignore[arg-type]
    token = page.next_page_token
    after = await service.Search(search(page_token=token), None)  # type: ignore[arg-type]
    assert {hit.item.id for hit in (*page.hits, *after.hits)} == {"0", "1"}
    with pytest.raises(InvalidInput, match="another request"):
        await service.Search(search(1, page_token=token), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("position", ["x pictures", "-5 pictures", "1.5", " pictures", "9" * 5000])
async def test_a_token_that_the_caller_made_is_refused(
    service: SearchService, position: str
) -> None:
    """Its checksum has no key: it may be right."""
    request = pb.SearchRequest(collection="pictures", terms=[pb.QueryTerm(text="马")])
    request.page_token = encode_page_token(request_digest(request), position)
    with pytest.raises(InvalidInput) as refused:
        await service.Search(request, None)  # type: ignore[arg-type]
    assert refused.value.reason == "WRONG_PAGE_TOKEN"
