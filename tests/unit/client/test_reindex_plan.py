"""Where a reindex stands, by nothing but the names of collections."""

import dataclasses

import pytest
from tihua import Collection, FailedPreconditionError, ModelRef, NotFoundError
from tihua._reindex.plan import Plan, plan

TINY = ModelRef("tihua-tiny", "1" * 16)
LARGE = ModelRef("ViT-B-16", "2" * 16)


def collection(name: str, *aliases: str, model: ModelRef = TINY) -> Collection:
    """Return a collection of which only names and model matter."""
    return Collection(
        name=name,
        description="",
        model=model,
        dim=8,
        index="FLAT",
        index_params={},
        shards=1,
        item_count=3,
        load_state="loaded",
        create_time=None,
        aliases=aliases,
    )


def test_an_alias_is_led_to_a_new_collection_named_for_the_model() -> None:
    """The old one keeps its name."""
    assert plan([collection("photos_1", "photos")], "photos", LARGE) == Plan(
        "photos", source="photos_1", target="photos_vit_b_16_1", is_alias=True
    )


def test_a_plain_collection_is_given_a_name_for_its_model() -> None:
    """Its own becomes the alias."""
    assert plan([collection("photos")], "photos", LARGE) == Plan(
        "photos", source="photos_tihua_tiny_1", target="photos_vit_b_16_1", is_alias=False
    )


def test_names_that_are_taken_are_passed_over() -> None:
    """By collections, by aliases, and by the marker of another reindex."""
    others = [
        collection("photos_vit_b_16_1"),
        collection("others", "photos_vit_b_16_2", "photos_vit_b_16_3_source"),
        collection("photos_tihua_tiny_1"),
    ]
    todo = plan([collection("photos"), *others], "photos", LARGE)
    assert todo is not None
    assert (todo.source, todo.target) == ("photos_tihua_tiny_2", "photos_vit_b_16_4")


@pytest.mark.parametrize("is_made", [True, False])
def test_what_was_begun_is_gone_on_with(is_made: bool) -> None:
    """Whether the new collection was made already, or only marked."""
    old = collection("photos_1", "photos", "photos_vit_b_16_2_source")
    new = [collection("photos_vit_b_16_2", model=LARGE)] if is_made else []
    assert plan([old, *new], "photos", LARGE) == Plan(
        "photos", source="photos_1", target="photos_vit_b_16_2", is_alias=True, is_begun=True
    )


def test_what_was_begun_with_other_weights_of_that_name_is_left_alone() -> None:
    """Its embeddings could not be compared."""
    old = collection("photos_1", "photos", "photos_vit_b_16_1_source")
    new = collection("photos_vit_b_16_1", model=dataclasses.replace(LARGE, fingerprint="3" * 16))
    todo = plan([old, new], "photos", LARGE)
    assert todo is not None
    assert (todo.target, todo.is_begun) == ("photos_vit_b_16_2", False)


def test_what_was_swapped_and_not_finished_is_gone_on_with() -> None:
    """The marker tells where the old collection is."""
    old = collection("photos_1", "photos_vit_b_16_1_source")
    new = collection("photos_vit_b_16_1", "photos", model=LARGE)
    assert plan([old, new], "photos", LARGE) == Plan(
        "photos", "photos_1", "photos_vit_b_16_1", is_alias=True, is_begun=True, is_swapped=True
    )
    with pytest.raises(FailedPreconditionError, match="to ViT-B-16 is not finished"):
        plan([old, new], "photos", TINY)


def test_a_name_that_leads_to_the_model_already_needs_nothing() -> None:
    """Also after a reindex that was finished."""
    old = collection("photos_1")
    new = collection("photos_vit_b_16_1", "photos", model=LARGE)
    assert plan([old, new], "photos", LARGE) is None
    assert plan([old], "photos_1", TINY) is None


def test_a_name_that_was_led_back_is_led_to_a_collection_of_its_own() -> None:
    """What an earlier reindex made is not written to again: nobody knows what it was used for."""
    old = collection("photos_1", "photos")
    new = collection("photos_vit_b_16_1", model=LARGE)
    todo = plan([old, new], "photos", LARGE)
    assert todo is not None
    assert todo.target == "photos_vit_b_16_2"


def test_a_collection_that_was_renamed_and_got_no_alias_is_named() -> None:
    """It is not taken: it may as well be what an earlier reindex left."""
    renamed = collection("photos_tihua_tiny_1")
    others = [collection("photos_others"), collection("photos_tihua_tiny_2", "others")]
    with pytest.raises(NotFoundError) as raised:
        plan([*others, renamed], "photos", LARGE)
    assert raised.value.message == (
        "there is no collection 'photos'; photos_tihua_tiny_1 looks like what a reindex left: "
        "point the name to it with `tihua collections alias photos photos_tihua_tiny_1`, then "
        "reindex again"
    )
    named = dataclasses.replace(renamed, aliases=("photos",))
    todo = plan([*others, named], "photos", LARGE)
    assert todo == Plan("photos", renamed.name, "photos_vit_b_16_1", is_alias=True)


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("photos", "others"),
        ("photos", "photos_tihua_tiny_x"),
        ("my-pics", "my_pics_tihua_tiny_7"),
        ("photos.", "photos__tihua_tiny_1"),
    ],
)
def test_a_name_of_nothing_is_not_found(name: str, left: str) -> None:
    """And nothing is said of a collection that is named for another."""
    with pytest.raises(NotFoundError) as raised:
        plan([collection(left)], name, LARGE)
    assert raised.value.message == f"there is no collection {name!r}"


def test_long_names_stay_within_the_bounds_of_names() -> None:
    """Letters, digits and underscores; at most 255, the marker included."""
    todo = plan([collection("x" * 255)], "x" * 255, LARGE)
    assert todo is not None
    assert len(todo.marker) <= 255
    assert len(todo.source) <= 255
