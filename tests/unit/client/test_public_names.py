"""The public names of the client, word by word: whoever uses it relies on each of them.

A name, a method, an argument or a default that is taken away or called otherwise breaks somebody's
program. So it is written down twice, here and there; who changes it writes a line under "Changed"
or "Removed" in CHANGELOG.md, and then this list. What is added is added here too, and from then on
it is held.
"""

import ast
import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import tihua
import tihua._ingest.types
import tihua._reindex.types
import tihua._search_types
import tihua._server_types
import tihua._types
import tihua.errors

CLIENT = {
    "(constructor)": (
        "(address='localhost:50051', *, collection='pictures', timeout=30.0, tls=False, "
        "token='', insecure=False)"
    ),
    "build_index": "(name=None, *, index=None, index_params=None, timeout=None)",
    "close": "()",
    "count_items": "(*, filter='', params=None, collection=None, timeout=None)",
    "create_collection": (
        "(name=None, *, index='AUTOINDEX', index_params=None, shards=1, description='', "
        "model='', timeout=None)"
    ),
    "delete_alias": "(alias, *, timeout=None)",
    "delete_collection": "(name, *, timeout=None)",
    "delete_items": "(ids=None, *, filter='', params=None, collection=None, timeout=None)",
    "embed_image": "(image, *, priority='interactive', model='', timeout=None)",
    "embed_images": "(images, *, priority='interactive', model='', timeout=None)",
    "embed_text": "(text, *, truncate=True, priority='interactive', model='', timeout=None)",
    "embed_texts": "(texts, *, truncate=True, priority='interactive', model='', timeout=None)",
    "get_collection": "(name=None, *, timeout=None)",
    "get_items": "(ids, *, fields=None, collection=None, timeout=None)",
    "health": "(*, timeout=None)",
    "ingest": (
        "(items, *, mode='upsert', session_id=None, batch_size=32, on_progress=None, "
        "on_break=None, reconnect_timeout=60.0, collection=None, model='')"
    ),
    "list_collections": "(*, timeout=None)",
    "list_items": (
        "(*, filter='', params=None, fields=None, page_size=100, collection=None, timeout=None)"
    ),
    "load_collection": "(name=None, *, timeout=None)",
    "release_collection": "(name=None, *, timeout=None)",
    "rename_collection": "(name, new_name, *, keep_alias=False, timeout=None)",
    "search": (
        "(*, text=None, image=None, embedding=None, item_id=None, terms=None, limit=10, "
        "filter='', params=None, min_score=None, fields=None, index_params=None, "
        "consistency='bounded', page_token='', group_by='', group_size=None, collection=None, "
        "timeout=None)"
    ),
    "search_many": "(queries, *, collection=None, timeout=None)",
    "server_info": "(*, timeout=None)",
    "set_alias": "(alias, collection, *, timeout=None)",
    "upsert": "(items, *, collection=None, timeout=None)",
}
"""The methods of `Client` and of `AsyncClient`, and what each takes."""

WORDS = {
    "build_index index": "AUTOINDEX FLAT HNSW IVF_FLAT",
    "create_collection index": "AUTOINDEX FLAT HNSW IVF_FLAT",
    "embed_image priority": "interactive bulk",
    "embed_images priority": "interactive bulk",
    "embed_text priority": "interactive bulk",
    "embed_texts priority": "interactive bulk",
    "get_items fields": "uri metadata embedding update_time",
    "ingest mode": "upsert insert-only skip-existing",
    "list_items fields": "uri metadata embedding update_time",
    "search consistency": "bounded strong",
    "search fields": "uri metadata embedding update_time",
}
"""The words that an argument may be."""

VALUES = {
    "AliasMove": "(previous, settle_s)",
    "Collection": (
        "(name, description, model, dim, index, index_params, shards, item_count, load_state, "
        "create_time, aliases=())"
    ),
    "CopyProgress": "(total, kept, written, failed, errors)",
    "CopySummary": "(collection, items, kept, written, failed, seconds)",
    "EmbedResult": "(embeddings, errors, model, timing, truncated_texts=())",
    "Hit": "(id, score, uri='', metadata=<factory>, embedding=None, group=None, update_time=None)",
    "IngestProgress": "(committed_seq, written, failed, skipped, errors)",
    "IngestSummary": "(written, failed, skipped, seconds)",
    "Item": (
        "(id, *, text=None, image=None, embedding=None, uri='', metadata=<factory>, "
        "update_time=None)"
    ),
    "ItemError": "(index, id, code, reason, message, metadata=<factory>, retryable=False)",
    "Limits": (
        "(max_message_bytes, max_batch_items, max_image_bytes, max_image_pixels, max_text_chars, "
        "max_queue_size, max_page_size, max_search_window, max_query_terms, max_id_bytes, "
        "max_uri_bytes, max_metadata_bytes, max_streams_per_client, max_calls_per_connection, "
        "max_header_bytes, min_ping_interval_s)"
    ),
    "ModelInfo": "(ref, dim, image_size_px, context_length, engine, device, precision)",
    "ModelRef": "(id, fingerprint)",
    "Query": (
        "(*, text=None, image=None, embedding=None, item_id=None, terms=None, limit=10, "
        "filter='', params=None, min_score=None, fields=None, index_params=None, "
        "consistency='bounded', page_token='', group_by='', group_size=None, collection=None)"
    ),
    "ReindexProgress": "(source, target, stage, total, kept, written, deleted, failed, errors)",
    "ReindexSummary": (
        "(alias, source, target, items, written, deleted, failed, is_swapped, is_complete, seconds)"
    ),
    "RgbImage": "(data, width_px, height_px)",
    "SearchResult": "(hits, next_page_token, model, timing, truncated_terms=())",
    "ServerInfo": "(version, limits, models, store, takes_image_paths=False)",
    "ServerPath": "(path)",
    "Term": "(*, text=None, image=None, embedding=None, item_id=None, weight=1.0)",
    "Timing": "(queue_us=0, preprocess_us=0, inference_us=0, store_us=0, total_us=0, batch_size=0)",
    "Tls": "(*, ca_file=None, cert_file=None, key_file=None)",
    "UpsertResult": "(written, errors, model, timing)",
}
"""What goes into a client and comes out of it: fields, in their order, and defaults."""

FURTHER = {
    "IngestSummary": "sent",
    "ItemError": "to_exception",
    "SearchResult": "count index",
}
"""What a value has beside its fields; a SearchResult is a sequence of its hits."""

FUNCTIONS = {
    "copy_collection": (
        "(source, target, name, *, new_name='', on_progress=None, on_break=None, "
        "reconnect_timeout=60.0)"
    ),
    "preprocess": "(image, size, *, max_pixels=50000000)",
    "reindex": (
        "(client, name, *, model, content, allow_missing=False, on_progress=None, on_break=None, "
        "reconnect_timeout=60.0)"
    ),
}

ERRORS = {
    "AlreadyExistsError": "TihuaError",
    "DeadlineError": "TihuaError TimeoutError",
    "FailedPreconditionError": "TihuaError",
    "InvalidRequestError": "TihuaError",
    "NotFoundError": "TihuaError",
    "OverloadedError": "TihuaError",
    "PermissionDeniedError": "TihuaError",
    "ServerError": "TihuaError",
    "TihuaError": "Exception",
    "UnauthenticatedError": "TihuaError",
    "UnavailableError": "TihuaError",
    "UnsupportedError": "TihuaError",
}
"""The exceptions, and what each can be caught as."""

ERROR_ATTRIBUTES = "code field message metadata reason request_id"

OTHERS = {
    *("AsyncClient", "Client", "Embedding", "EmbeddingLike", "ImageLike", "__version__"),
    *("DEFAULT_ADDRESS", "DEFAULT_COLLECTION", "DEFAULT_TIMEOUT_S", "UNKNOWN_TIME"),
    *("Consistency", "Content", "Field", "IndexName", "LoadStateName", "Priority"),
    *("ReindexStage", "WriteMode"),
}

TYPES = ("_ingest.types", "_reindex.types", "_search_types", "_server_types", "_types")
"""The modules of what goes into a client and comes out of it."""


def hold(found: Mapping[str, str], held: Mapping[str, str]) -> None:
    """Fail with what to do if what is found is not what is held."""
    changed = {
        name: f"{held[name]} is now {found.get(name, 'gone')}"
        for name in held
        if found.get(name) != held[name]
    }
    assert not changed, "say so in CHANGELOG.md, under Changed or Removed, then here"
    added = set(found) - set(held)
    assert not added, "say so in CHANGELOG.md, under Added, then hold it here"


def signature(function: Callable[..., object]) -> str:
    """Return what a function takes, without types."""
    whole = inspect.signature(function)
    arguments = [
        argument.replace(annotation=inspect.Parameter.empty)
        for name, argument in whole.parameters.items()
        if name != "self"
    ]
    return str(inspect.Signature(arguments))


def public(names: Mapping[str, object] | list[str]) -> list[str]:
    """Return the names without an underscore."""
    return [name for name in names if not name.startswith("_")]


def methods(client: type) -> dict[str, Callable[..., object]]:
    """Return the public methods of a client."""
    return {name: getattr(client, name) for name in public(dir(client))}


def values() -> dict[str, type]:
    """Return the dataclasses that tihua exports."""
    exported = {name: getattr(tihua, name) for name in tihua.__all__}
    return {
        name: value
        for name, value in exported.items()
        if isinstance(value, type) and dataclasses.is_dataclass(value)
    }


@pytest.fixture(params=[tihua.Client, tihua.AsyncClient], ids=["Client", "AsyncClient"])
def client(request: pytest.FixtureRequest) -> type:
    """Each of the two clients: they have the same methods."""
    assert isinstance(request.param, type)
    return request.param


def test_the_methods_of_a_client_are_held(client: type) -> None:
    """Each with its arguments, their order, whether they go by name, and defaults."""
    found = {name: signature(method) for name, method in methods(client).items()}
    hold({"(constructor)": signature(client), **found}, CLIENT)


def test_the_words_that_arguments_may_be_are_held(client: type) -> None:
    """Those that the types name one by one."""
    found = {
        f"{name} {argument.name}": " ".join(re.findall(r"'([^']+)'", str(argument.annotation)))
        for name, method in methods(client).items()
        for argument in inspect.signature(method).parameters.values()
        if "Literal" in str(argument.annotation)
    }
    hold(found, WORDS)


def test_the_fields_of_values_are_held() -> None:
    """In their order, and with what they are if they are not given."""
    hold({name: signature(value) for name, value in values().items()}, VALUES)


def test_what_values_have_beside_fields_is_held() -> None:
    """Properties and methods."""
    further = {
        name: " ".join(
            sorted({*public(dir(value))} - {field.name for field in dataclasses.fields(value)})
        )
        for name, value in values().items()
    }
    hold({name: names for name, names in further.items() if names}, FURTHER)


def test_the_functions_are_held() -> None:
    """With their arguments."""
    found = {name: getattr(tihua, name) for name in tihua.__all__}
    hold({name: signature(it) for name, it in found.items() if inspect.isfunction(it)}, FUNCTIONS)


def test_the_errors_are_held() -> None:
    """By what they can be caught as; `tihua.errors` has those that `tihua` has."""
    found = {name: getattr(tihua.errors, name) for name in tihua.errors.__all__}
    hold({name: " ".join(b.__name__ for b in it.__bases__) for name, it in found.items()}, ERRORS)
    assert all(getattr(tihua, name) is error for name, error in found.items())


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_what_an_error_tells_is_held(name: str) -> None:
    """All tell the same, and two whether and when to come back."""
    told = " ".join(sorted(vars(getattr(tihua, name)("a message"))))
    hold({name: told}, {name: ERROR_ATTRIBUTES})
    assert tihua.OverloadedError("busy").retry_after > 0
    assert tihua.UnavailableError("away").may_pass


def test_every_name_is_held() -> None:
    """No name is exported that is in none of these lists."""
    held = {*VALUES, *FUNCTIONS, *ERRORS, *OTHERS}
    hold(dict.fromkeys(tihua.__all__, "there"), dict.fromkeys(held, "there"))


@pytest.mark.parametrize("name", TYPES)
def test_every_type_of_a_signature_can_be_named(name: str) -> None:
    """Whoever wraps a method annotates its arguments without a private module."""
    module = importlib.import_module(f"tihua.{name}")
    assert set(module.__all__) <= set(tihua.__all__)


def test_the_command_line_takes_types_as_users_do() -> None:
    """From `tihua` itself."""
    imported = {
        f"{path.name}: {node.module}"
        for path in (Path(tihua.__file__).parent / "cli").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
    }
    assert imported
    assert not [each for each in imported if each.endswith(tuple(f".{name}" for name in TYPES))]
