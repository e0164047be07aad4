"""Search requests → the service's own types."""

from collections.abc import Sequence

from tihua._reserved_keys import is_reserved
from tihua.v1 import search_service_pb2

from tihua_server.config import Limits
from tihua_server.errors import InvalidInput, NotFound
from tihua_server.grouping import GroupBy
from tihua_server.query import StoredItem, Term
from tihua_server.rpc.item_requests import to_image, to_vector
from tihua_server.rpc.requests import bounded_int, check_batch, one_of, possible_ids
from tihua_server.search_params import Consistency
from tihua_server.types import Content, Text

_CONSISTENCIES = {
    search_service_pb2.CONSISTENCY_UNSPECIFIED: Consistency.BOUNDED,
    search_service_pb2.CONSISTENCY_BOUNDED: Consistency.BOUNDED,
    search_service_pb2.CONSISTENCY_STRONG: Consistency.STRONG,
}


def to_terms(messages: Sequence[search_service_pb2.QueryTerm], limits: Limits) -> list[Term]:
    """Return the terms of a query."""
    check_batch(messages, "terms", limits.max_query_terms)
    terms = []
    for position, message in enumerate(messages):
        field = f"terms[{position}]"
        value: Content | StoredItem
        match message.WhichOneof("value"):
            case "text":
                value = Text(message.text)
            case "image":
                value = to_image(message.image, field)
            case "embedding":
                value = to_vector(message.embedding, f"{field}.embedding")
            case "item_id":
                value = _to_stored_item(message.item_id, f"{field}.item_id", limits)
            case _:
                raise InvalidInput(
                    "term has no text, image, embedding or item_id; set one",
                    reason="EMPTY_TERM",
                    field=field,
                )
        terms.append(Term(value, message.weight if message.HasField("weight") else 1.0))
    return terms


def _to_stored_item(item_id: str, field: str, limits: Limits) -> StoredItem:
    if not possible_ids([item_id], limits.max_id_bytes):
        raise NotFound(
            f"no item has an id of more than {limits.max_id_bytes} bytes",
            reason="ITEM_NOT_FOUND",
            field=field,
        )
    return StoredItem(item_id)


def to_min_score(request: search_service_pb2.SearchRequest) -> float | None:
    """Return the lowest score to keep, None for all."""
    if not request.HasField("min_score"):
        return None
    if not -1 <= request.min_score <= 1:
        raise InvalidInput(
            f"min_score is {request.min_score:g}; a cosine similarity is in [-1, 1]",
            reason="OUT_OF_BOUNDS",
            field="min_score",
        )
    return request.min_score


def to_group_by(request: search_service_pb2.SearchRequest, limits: Limits) -> GroupBy | None:
    """Return how to group the hits, None for no grouping."""
    size = bounded_int(request, "group_size", default=1, maximum=limits.max_page_size)
    if not request.group_by:
        if request.HasField("group_size"):
            raise InvalidInput(
                "group_size is given without group_by: give both, or neither",
                reason="GROUP_BY",
                field="group_size",
            )
        return None
    if request.group_by != "uri" and is_reserved(request.group_by):
        raise InvalidInput(
            f"group_by is {request.group_by!r}; it must be a metadata key, or uri",
            reason="GROUP_BY",
            field="group_by",
        )
    return GroupBy(request.group_by, size, limits.max_search_window)


def to_consistency(value: "search_service_pb2.Consistency.ValueType") -> Consistency:
    """Return how fresh a read must be."""
    return one_of(_CONSISTENCIES, value, "consistency")
