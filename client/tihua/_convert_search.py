"""Converts queries to messages, and messages to hits."""

from collections.abc import Iterable

from tihua import _convert
from tihua._convert_embedding import vector_block
from tihua._convert_items import item_embedding, item_update_time, read_mask
from tihua._convert_metadata import json_value, metadata_dict, metadata_struct
from tihua._search_types import Hit, Query, SearchResult, Term
from tihua.errors import ServerError, TihuaError
from tihua.v1 import search_service_pb2, types_pb2

_CONSISTENCIES = {
    "bounded": search_service_pb2.CONSISTENCY_BOUNDED,
    "strong": search_service_pb2.CONSISTENCY_STRONG,
}


def search_request(query: Query, collection: str) -> search_service_pb2.SearchRequest:
    """Return the request of one search.

    Args:
        query: the query.
        collection: the collection to search if the query names none.

    Raises:
        InvalidRequestError: the query does not have exactly one of text, image, embedding, item_id
            and terms, or has a value that can't be sent.
    """
    params = {
        _convert.checked_text(name, "index_params"): _convert.uint32(value, name)
        for name, value in (query.index_params or {}).items()
    }
    name = collection if query.collection is None else query.collection
    return search_service_pb2.SearchRequest(
        collection=_convert.checked_text(name, "collection"),
        terms=[_term_message(term, prefix) for prefix, term in _terms(query).items()],
        filter=_convert.checked_text(query.filter, "filter"),
        filter_params=metadata_struct(query.params, "params") if query.params else None,
        limit=_convert.uint32(query.limit, "limit"),
        page_token=_convert.checked_text(query.page_token, "page_token"),
        min_score=query.min_score,
        read_mask=read_mask(query.fields),
        index_params=params,
        consistency=_convert.choice(query.consistency, "consistency", _CONSISTENCIES),
        group_by=_convert.checked_text(query.group_by, "group_by"),
        group_size=(
            None if query.group_size is None else _convert.uint32(query.group_size, "group_size")
        ),
    )


def search_many_request(
    queries: Iterable[Query], collection: str
) -> search_service_pb2.SearchManyRequest:
    """Return the request of several searches; `collection` is for queries that name none."""
    requests = [search_request(query, collection) for query in queries]
    return search_service_pb2.SearchManyRequest(requests=requests)


def search_result(message: search_service_pb2.SearchResponse) -> SearchResult:
    """Return the hits of one query."""
    return SearchResult(
        hits=tuple(_hit(hit) for hit in message.hits),
        next_page_token=message.next_page_token,
        model=_convert.model_ref(message.model),
        timing=_convert.timing(message.timing),
        truncated_terms=tuple(message.truncated_terms),
    )


def search_entry(
    message: search_service_pb2.SearchManyResponse.Entry, request_id: str = ""
) -> SearchResult | TihuaError:
    """Return the result or error of one query of many; an error gets the id of their call."""
    match message.WhichOneof("result"):
        case "response":
            return search_result(message.response)
        case "error":
            error = _convert.item_error(message.error).to_exception()
            error.request_id = request_id
            return error
        case _:
            return ServerError("the server answered a query with nothing", reason="EMPTY_ENTRY")


def _terms(query: Query) -> dict[str, Term]:
    """Return the terms, each by the prefix that error messages put before its field names."""
    _check_one(query, ("text", "image", "embedding", "item_id", "terms"), "the query")
    if query.terms is not None:
        return {f"terms[{index}].": term for index, term in enumerate(query.terms)}
    term = Term(
        text=query.text, image=query.image, embedding=query.embedding, item_id=query.item_id
    )
    return {"": term}


def _term_message(term: Term, prefix: str) -> search_service_pb2.QueryTerm:
    _check_one(term, ("text", "image", "embedding", "item_id"), prefix.rstrip(".") or "the query")
    message = search_service_pb2.QueryTerm(weight=term.weight)
    if term.text is not None:
        message.text = _convert.checked_text(term.text, f"{prefix}text")
    elif term.image is not None:
        message.image.CopyFrom(_convert.image_source(term.image, f"{prefix}image"))
    elif term.embedding is not None:
        message.embedding.CopyFrom(vector_block(term.embedding, f"{prefix}embedding"))
    elif term.item_id is not None:
        message.item_id = _convert.checked_text(term.item_id, f"{prefix}item_id")
    return message


def _check_one(value: Query | Term, kinds: tuple[str, ...], name: str) -> None:
    given = [kind for kind in kinds if getattr(value, kind) is not None]
    if len(given) != 1:
        raise _convert.invalid(
            f"{name} has {' and '.join(given) or 'nothing to look for'}; it must have exactly one "
            f"of {', '.join(kinds)}",
            "terms",
        )


def _hit(message: search_service_pb2.Hit) -> Hit:
    item: types_pb2.Item = message.item
    return Hit(
        id=item.id,
        score=message.score,
        uri=item.uri,
        metadata=metadata_dict(item.metadata),
        embedding=item_embedding(item),
        group=json_value(message.group_value) if message.HasField("group_value") else None,
        update_time=item_update_time(item),
    )
