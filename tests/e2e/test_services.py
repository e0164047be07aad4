"""What the services do for those who use them well, against a running server."""

import array
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import grpc
import pytest
import tihua
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from processes import ServerProcess

SERVICES = (
    "tihua.v1.CollectionService",
    "tihua.v1.EmbeddingService",
    "tihua.v1.IngestService",
    "tihua.v1.SearchService",
    "tihua.v1.SystemService",
)


@pytest.fixture(scope="module")
def filled(client: tihua.Client, names: Iterator[str], pictures: Sequence[Path]) -> str:
    """A collection of 24 pictures with numbers."""
    name = client.create_collection(next(names), index="FLAT").name
    client.upsert(
        [
            tihua.Item(path.name, image=path, uri=str(path), metadata={"number": number})
            for number, path in enumerate(pictures)
        ],
        collection=name,
    )
    await_hits(client, name, len(pictures))
    return name


def await_hits(client: tihua.Client, collection: str, count: int) -> None:
    """Return when any search finds so many: for a moment it may miss what was just written."""
    while len(client.search(text="马", limit=count, collection=collection)) < count:
        time.sleep(0.05)


def dot(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the cosine of two unit vectors."""
    return sum(a * b for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("service", ["", *SERVICES])
def test_every_service_is_healthy(channel: grpc.Channel, service: str) -> None:
    """The standard health service knows each by name."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    answer = stub.Check(health_pb2.HealthCheckRequest(service=service))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_lists_the_services(channel: grpc.Channel) -> None:
    """Callers without stubs find their way."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = cast("Any", reflection_pb2).ServerReflectionRequest(list_services="")
    [answer] = stub.ServerReflectionInfo(iter([request]))
    assert set(SERVICES) < {entry.name for entry in answer.list_services_response.service}


def test_the_server_tells_what_it_is(client: tihua.Client) -> None:
    """Version, model, store and limits."""
    info = client.server_info()
    assert info.version == tihua.__version__
    assert info.models[0].ref.id == "tihua-tiny"
    assert info.store.startswith("Milvus ")
    assert info.limits.max_text_chars == 10_000


def test_text_and_picture_meet(client: tihua.Client, pictures: Sequence[Path]) -> None:
    """Both are unit vectors of one length."""
    text, picture = client.embed_text("一只猫"), client.embed_image(pictures[0])
    assert len(text) == len(picture) == client.server_info().models[0].dim
    assert dot(text, text) == pytest.approx(1, abs=1e-5)


def test_an_embedding_does_not_depend_on_its_neighbours(client: tihua.Client) -> None:
    """Alone or in a batch of texts of other lengths, it is the same."""
    alone = client.embed_text("马")
    batch = client.embed_texts(["雪地里奔跑的狗" * 5, "马", "小桥流水人家"])
    assert batch.embeddings[1] is not None
    assert dot(alone, batch.embeddings[1]) == pytest.approx(1, abs=1e-5)


def test_every_answer_says_which_model_and_how_long(client: tihua.Client, filled: str) -> None:
    """Timings are there, and a total that covers them."""
    result = client.search(text="马", collection=filled)
    assert result.model == client.server_info().models[0].ref
    assert result.timing.total_us >= result.timing.inference_us > 0
    assert result.timing.store_us > 0


def test_a_picture_finds_itself(
    client: tihua.Client, filled: str, pictures: Sequence[Path]
) -> None:
    """With score 1, and with its uri and metadata."""
    hit = client.search(image=pictures[5], limit=1, collection=filled)[0]
    assert (hit.id, hit.uri) == (pictures[5].name, str(pictures[5]))
    assert hit.metadata == {"number": 5}
    assert hit.score == pytest.approx(1, abs=1e-4)


def test_hits_come_best_first_and_no_more_than_asked(client: tihua.Client, filled: str) -> None:
    """Scores fall from 1 towards -1."""
    scores = [hit.score for hit in client.search(text="一只鸟", limit=7, collection=filled)]
    assert len(scores) == 7
    assert scores == sorted(scores, reverse=True)
    assert all(-1 <= score <= 1 for score in scores)


def test_an_item_finds_its_like_and_not_itself(
    client: tihua.Client, filled: str, pictures: Sequence[Path]
) -> None:
    """Search by the id of a stored item."""
    hits = client.search(item_id=pictures[5].name, limit=24, collection=filled)
    assert len(hits) == 23
    assert pictures[5].name not in {hit.id for hit in hits}


def test_an_embedding_finds_what_its_text_finds(client: tihua.Client, filled: str) -> None:
    """Embed now, search later: the same hits."""
    by_text = client.search(text="一艘船", limit=5, collection=filled)
    by_embedding = client.search(embedding=client.embed_text("一艘船"), limit=5, collection=filled)
    assert [hit.id for hit in by_text] == [hit.id for hit in by_embedding]


def test_terms_are_weighed(client: tihua.Client, filled: str, pictures: Sequence[Path]) -> None:
    """A picture less itself and plus another is the other."""
    terms = [
        tihua.Term(image=pictures[3]),
        tihua.Term(image=pictures[7], weight=10.0),
        tihua.Term(item_id=pictures[3].name, weight=-1.0),
    ]
    hit = client.search(terms=terms, limit=1, collection=filled)[0]
    assert hit.id == pictures[7].name


def test_a_filter_narrows_the_search(client: tihua.Client, filled: str) -> None:
    """Bound parameters: numbers and lists."""
    hits = client.search(
        text="马",
        filter="number >= {low} and number in {some}",
        params={"low": 4, "some": [1, 4, 9]},
        collection=filled,
    )
    assert {hit.metadata["number"] for hit in hits} == {4, 9}


def test_min_score_leaves_out_the_rest(
    client: tihua.Client, filled: str, pictures: Sequence[Path]
) -> None:
    """Only what is near enough."""
    hits = client.search(image=pictures[0], min_score=0.999, limit=24, collection=filled)
    assert [hit.id for hit in hits] == [pictures[0].name]


def test_fields_say_what_comes_back(client: tihua.Client, filled: str) -> None:
    """Bare ids, or everything."""
    bare = client.search(text="马", limit=1, fields=[], collection=filled)[0]
    assert (bare.uri, dict(bare.metadata), bare.embedding) == ("", {}, None)
    full = client.search(text="马", limit=1, fields=["uri", "embedding"], collection=filled)[0]
    assert full.uri
    assert isinstance(full.embedding, array.array)


def test_pages_make_one_list(client: tihua.Client, filled: str) -> None:
    """Page after page gives what one long answer gives."""
    whole = [hit.id for hit in client.search(text="马", limit=24, collection=filled)]
    paged: list[str] = []
    token = ""
    while True:
        page = client.search(text="马", limit=7, page_token=token, collection=filled)
        paged += [hit.id for hit in page]
        if not (token := page.next_page_token):
            break
    assert paged == whole


def test_groups_give_their_best_on_every_page(
    client: tihua.Client, names: Iterator[str], pictures: Sequence[Path]
) -> None:
    """One hit for each album, in pages too; a picture in no album is a hit; uri groups as well."""
    name = client.create_collection(next(names), index="FLAT").name
    albums = [{"album": number % 5} if number else {} for number in range(len(pictures))]
    client.upsert(
        [
            tihua.Item(path.name, image=path, uri=f"u{number % 3}", metadata=album)
            for number, (path, album) in enumerate(zip(pictures, albums, strict=True))
        ],
        collection=name,
    )

    def found(**how: Any) -> tihua.SearchResult:
        return client.search(text="马", collection=name, consistency="strong", **how)

    every = found(limit=24)
    best: dict[object, tihua.Hit] = {}
    for hit in every:
        best.setdefault(hit.metadata.get("album", "none"), hit)

    whole = found(group_by="album", fields=[])
    first = found(group_by="album", limit=4)
    rest = found(group_by="album", limit=4, page_token=first.next_page_token)

    assert [hit.id for hit in whole] == [hit.id for hit in best.values()]
    assert [hit.id for hit in (*first, *rest)] == [hit.id for hit in whole]
    assert not rest.next_page_token
    assert sorted(str(hit.group) for hit in whole) == ["0", "1", "2", "3", "4", "None"]
    assert whole[0].metadata == {}
    assert len(found(group_by="album", group_size=2, limit=24)) == 11
    assert sorted(str(hit.group) for hit in found(group_by="uri")) == ["u0", "u1", "u2"]
    with pytest.raises(tihua.InvalidRequestError, match="page_token"):
        found(group_by="uri", limit=4, page_token=first.next_page_token)


def test_many_searches_fail_one_by_one(client: tihua.Client, filled: str) -> None:
    """Each has its own answer or error."""
    good, bad = client.search_many(
        [tihua.Query(text="马", collection=filled), tihua.Query(text="", collection=filled)]
    )
    assert isinstance(good, tihua.SearchResult)
    assert isinstance(bad, tihua.InvalidRequestError)


@pytest.mark.parametrize(
    ("index", "params"),
    [
        ("FLAT", {}),
        ("IVF_FLAT", {"nlist": 512}),
        ("HNSW", {"M": 8, "efConstruction": 64}),
        ("AUTOINDEX", {}),
    ],
)
def test_a_collection_is_what_was_asked_for(
    client: tihua.Client,
    names: Iterator[str],
    index: Literal["FLAT", "IVF_FLAT", "HNSW", "AUTOINDEX"],
    params: dict[str, int],
) -> None:
    """Index and parameters are read back from the store, and searching works."""
    name = next(names)
    client.create_collection(name, index=index, index_params=params, shards=2, description="山水")
    client.upsert([tihua.Item("马", text="马")], collection=name)
    collection = client.get_collection(name)
    assert (collection.index, collection.description) == (index, "山水")
    assert params.items() <= dict(collection.index_params).items()
    assert (collection.item_count, collection.load_state) == (1, "loaded")
    assert collection.model == client.server_info().models[0].ref
    assert client.search(text="马", consistency="strong", collection=name)[0].id == "马"


def test_an_index_is_replaced(client: tihua.Client, collection: str) -> None:
    """Nothing is embedded again: the embedding is the same to the bit, and found."""
    client.upsert([tihua.Item("马", text="马")], collection=collection)
    [before] = client.get_items(["马"], fields=["embedding"], collection=collection)
    built = client.build_index(collection, index="HNSW", index_params={"M": 8})
    assert (built.index, built.index_params) == ("HNSW", {"M": 8, "efConstruction": 200})
    assert built.load_state == "loaded"
    [after] = client.get_items(["马"], fields=["embedding"], collection=collection)
    assert after == before
    [hit] = client.search(text="马", consistency="strong", collection=collection)
    assert hit.id == "马"


def test_a_released_collection_is_searched_after_loading(
    client: tihua.Client, collection: str
) -> None:
    """Until then it says so."""
    client.upsert([tihua.Item("马", text="马")], collection=collection)
    client.release_collection(collection)
    assert client.get_collection(collection).load_state == "released"
    with pytest.raises(tihua.FailedPreconditionError):
        client.search(text="马", collection=collection)
    client.load_collection(collection)
    assert len(client.search(text="马", consistency="strong", collection=collection)) == 1


def test_a_dropped_collection_is_gone(client: tihua.Client, collection: str) -> None:
    """And its name is free."""
    client.delete_collection(collection)
    assert collection not in {entry.name for entry in client.list_collections()}
    with pytest.raises(tihua.NotFoundError):
        client.count_items(collection=collection)
    assert client.create_collection(collection).item_count == 0


def test_a_taken_name_is_refused(client: tihua.Client, collection: str) -> None:
    """Nothing is overwritten."""
    with pytest.raises(tihua.AlreadyExistsError):
        client.create_collection(collection)


def test_items_are_listed_in_order_and_in_pages(client: tihua.Client, filled: str) -> None:
    """Sorted by id, all of them, whatever the page size."""
    ids = [item.id for item in client.list_items(page_size=5, collection=filled)]
    assert ids == sorted(ids)
    assert len(ids) == 24


def test_items_are_read_counted_and_deleted(client: tihua.Client, collection: str) -> None:
    """By id and by filter."""
    items = [tihua.Item(f"{n}", text="马", metadata={"n": n}) for n in range(6)]
    client.upsert(items, collection=collection)
    assert [item.id for item in client.get_items(["4", "x", "1"], collection=collection)] == [
        "4",
        "1",
    ]
    assert client.count_items(filter="n >= {n}", params={"n": 4}, collection=collection) == 2
    assert client.delete_items(["0", "x"], collection=collection) == 1
    assert client.delete_items(filter="n >= 4", collection=collection) == 2
    assert [item.id for item in client.list_items(collection=collection)] == ["1", "2", "3"]


def test_writing_an_id_again_replaces_it(client: tihua.Client, collection: str) -> None:
    """Also within one call: the last is kept."""
    client.upsert([tihua.Item("a", text="马"), tihua.Item("a", text="桥")], collection=collection)
    assert client.count_items(collection=collection) == 1
    hit = client.search(text="桥", consistency="strong", collection=collection)[0]
    assert hit.score == pytest.approx(1, abs=1e-4)


def test_an_item_tells_when_it_was_written(client: tihua.Client, collection: str) -> None:
    """By the server's clock, or as a copy says; writing it again is another time."""
    then = datetime(2001, 2, 3, 4, 5, 6, 7, UTC)
    began = datetime.now(UTC)
    client.upsert(
        [
            tihua.Item("now", text="马"),
            tihua.Item("then", text="马", update_time=then),
            tihua.Item("unknown", text="马", update_time=tihua.UNKNOWN_TIME),
        ],
        collection=collection,
    )
    ids = ["now", "then", "unknown"]
    fields: tuple[Literal["update_time"]] = ("update_time",)
    now, copied, unknown = client.get_items(ids, fields=fields, collection=collection)
    assert now.update_time is not None
    assert began <= now.update_time <= datetime.now(UTC)
    assert (copied.update_time, unknown.update_time) == (then, None)
    client.ingest([tihua.Item("then", text="桥")], collection=collection)
    [again] = client.get_items(["then"], fields=fields, collection=collection)
    assert again.update_time is not None
    assert again.update_time > now.update_time
    [hit] = client.search(text="桥", limit=1, fields=fields, collection=collection)
    assert hit.update_time == again.update_time
    assert [item.update_time for item in client.get_items(ids, collection=collection)] == [None] * 3


def test_metadata_comes_back_as_it_went(client: tihua.Client, collection: str) -> None:
    """Any JSON, Chinese too."""
    metadata = {"题": "天净沙·秋思", "n": 3, "x": 0.5, "ok": True, "none": None, "l": [1, "a"]}
    client.upsert([tihua.Item("a", text="马", metadata=metadata)], collection=collection)
    [item] = client.get_items(["a"], collection=collection)
    assert dict(item.metadata) == metadata


def test_writing_says_how_long_the_store_took(client: tihua.Client, collection: str) -> None:
    """Each stage has its time, also when nothing is searched."""
    result = client.upsert([tihua.Item("a", text="马")], collection=collection)
    assert result.timing.inference_us > 0
    assert result.timing.store_us > 0


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_example_of_the_readme_runs(
    server: ServerProcess,
    client: tihua.Client,
    collection: str,
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As it stands there, but for the port and the collection."""
    client.upsert([tihua.Item("a", text="夕阳西下", uri="sunset.jpg")], collection=collection)
    await_hits(client, collection, 1)
    readme = (Path(__file__).parents[2] / name).read_text(encoding="utf-8")
    example = readme.partition("```python\n")[2].partition("```")[0]
    ours = f'"{server.address}", collection="{collection}"'
    exec(example.replace('"localhost:50051"', ours), {})
    assert "sunset.jpg" in capsys.readouterr().out


async def test_the_asyncio_client_does_the_same(server: ServerProcess, filled: str) -> None:
    """Search, and a list that is read as it comes."""
    async with tihua.AsyncClient(server.address, collection=filled) as client:
        hits = await client.search(text="马", limit=3)
        ids = [item.id async for item in client.list_items(page_size=10)]
    assert len(hits) == 3
    assert len(ids) == 24
