"""Search by texts, pictures, items and embeddings: what is found, and what is returned."""

import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import tihua
from tihua_server.milvus.filter_reader import MAX_DEPTH
from tihua_server.milvus.filters import MAX_EXPRESSION_CHARS


def test_every_answer_says_which_model_and_how_long(client: tihua.Client, filled: str) -> None:
    """The answer has timings, and a total that covers them."""
    result = client.search(text="马", collection=filled)
    assert result.model == client.server_info().models[0].ref
    assert result.timing.total_us >= result.timing.inference_us > 0
    assert result.timing.store_us > 0


def test_a_picture_finds_itself(
    client: tihua.Client, filled: str, pictures: Sequence[Path]
) -> None:
    """Its score is 1, and its uri and metadata are returned."""
    hit = client.search(image=pictures[5], limit=1, collection=filled)[0]
    assert (hit.id, hit.uri) == (pictures[5].name, str(pictures[5]))
    assert hit.metadata == {"number": 5}
    assert hit.score == pytest.approx(1, abs=1e-4)


def test_hits_come_best_first_and_no_more_than_asked(client: tihua.Client, filled: str) -> None:
    """Scores decrease from 1 towards -1."""
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


def test_a_filter_beside_an_item_means_what_it_means_alone(
    client: tihua.Client, filled: str, pictures: Sequence[Path]
) -> None:
    """It can't escape its parentheses; its bounds and parameter names are not restricted."""

    def found(**query: Any) -> set[str]:
        return {hit.id for hit in client.search(limit=24, collection=filled, **query)}

    like: dict[str, Any] = {"item_id": pictures[5].name}
    longest = "number >= 20" + " " * (MAX_EXPRESSION_CHARS - 12)
    deepest = "(" * MAX_DEPTH + "number >= 20" + ")" * MAX_DEPTH
    for expression in (longest, deepest, "number >= 20 or number >= 21"):
        assert found(**like, filter=expression) == found(text="马", filter=expression) != set()
    names = [pictures[5].name, pictures[6].name]
    bound: dict[str, Any] = {
        "filter": "id in {tihua_examples}",
        "params": {"tihua_examples": names},
    }
    assert found(**like, **bound) == {pictures[6].name}
    with pytest.raises(tihua.InvalidRequestError, match=r"closes nothing \(character 12 of"):
        found(**like, filter="number == 1) or (number == 2")


def test_a_term_is_told_whose_text_is_longer_than_the_model_reads(
    client: tihua.Client, filled: str, pictures: Sequence[Path]
) -> None:
    """It is named by its position among all terms, alone and in a batch."""
    terms = [
        tihua.Term(item_id=pictures[5].name),
        tihua.Term(text="马" * 50),
        tihua.Term(image=pictures[6]),
        tihua.Term(text="马" * 51),
    ]
    assert client.search(terms=terms, collection=filled).truncated_terms == (3,)
    queries = [tihua.Query(text="马" * count, collection=filled) for count in (50, 51)]
    short, long = client.search_many(queries)
    assert isinstance(short, tihua.SearchResult)
    assert isinstance(long, tihua.SearchResult)
    assert (short.truncated_terms, long.truncated_terms) == ((), (0,))


def test_an_embedding_finds_what_its_text_finds(client: tihua.Client, filled: str) -> None:
    """Embedding first and searching later gives the same hits."""
    by_text = client.search(text="一艘船", limit=5, collection=filled)
    by_embedding = client.search(embedding=client.embed_text("一艘船"), limit=5, collection=filled)
    assert [hit.id for hit in by_text] == [hit.id for hit in by_embedding]


def test_terms_are_weighed(client: tihua.Client, filled: str, pictures: Sequence[Path]) -> None:
    """A picture minus itself plus another one finds the other."""
    terms = [
        tihua.Term(image=pictures[3]),
        tihua.Term(image=pictures[7], weight=10.0),
        tihua.Term(item_id=pictures[3].name, weight=-1.0),
    ]
    hit = client.search(terms=terms, limit=1, collection=filled)[0]
    assert hit.id == pictures[7].name


def test_a_filter_narrows_the_search(client: tihua.Client, filled: str) -> None:
    """Bound parameters may be numbers and lists."""
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
    """Only close enough items are returned."""
    hits = client.search(image=pictures[0], min_score=0.999, limit=24, collection=filled)
    assert [hit.id for hit in hits] == [pictures[0].name]


def test_fields_say_what_comes_back(client: tihua.Client, filled: str) -> None:
    """They may be only ids, or everything."""
    bare = client.search(text="马", limit=1, fields=[], collection=filled)[0]
    assert (bare.uri, dict(bare.metadata), bare.embedding) == ("", {}, None)
    full = client.search(text="马", limit=1, fields=["uri", "embedding"], collection=filled)[0]
    assert full.uri
    assert isinstance(full.embedding, array.array)


def test_pages_make_one_list(client: tihua.Client, filled: str) -> None:
    """All pages together are the same as one long answer."""
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
    """One hit per album, over all pages; pictures without an album are hits; uri works too."""
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
