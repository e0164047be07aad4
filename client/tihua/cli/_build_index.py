"""`tihua collections index`: builds an index for a collection, however long it takes."""

import time

import click

import tihua
from tihua._reconnect import Reconnect
from tihua.cli._collection_record import collection_record
from tihua.cli._command import Command
from tihua.cli._connection import ConnectionSettings
from tihua.cli._parameters import index_option, index_params_option
from tihua.cli._printer import Printer, json_option

BUILD_TIMEOUT_S = 24 * 3600.0
"""Default limit of building an index, in seconds; a server that goes away is noticed earlier."""


@click.command(
    "index",
    cls=Command,
    examples=[
        "tihua collections index paintings --index HNSW --index-param M=32",
        "tihua collections index paintings                 # rebuild the current index",
    ],
)
@click.argument("name")
@index_option(default=None, text="Type of the index.  [default: unchanged]")
@index_params_option
@json_option
@click.pass_obj
def build_index(
    connection: ConnectionSettings,
    name: str,
    *,
    index: tihua.IndexName | None,
    index_params: tuple[tuple[str, int], ...],
    as_json: bool,
) -> None:
    """Replace the index of the collection NAME, and wait until it is built.

    Nothing is embedded again, and items stay. During the build they can be written but not
    searched. To avoid that, index a copy on the same server and give it the name:

    \b
      copy NAME --to … --as NAME_2
      index NAME_2
      rename NAME NAME_1 --keep-alias   (if NAME is no alias yet)
      alias NAME NAME_2
      copy NAME_1 --to … --as NAME_2    (what was written in between)

    What was deleted in between is still in the copy.

    HNSW and AUTOINDEX have an effect on a Milvus server only: the embedded store compares every
    item with the query instead.

    A second call waits for the first while that is building; later it builds the index again.

    The command waits for a day, or as long as --timeout says; the server goes on building.
    """  # noqa: D301  # click wants the backspace itself
    limit_s = connection.given_timeout_s or BUILD_TIMEOUT_S
    with connection.client() as client:
        wanted = index or client.get_collection(name).index
        _report_no_effect(client, wanted)
        collection = _built(client, name, index, dict(index_params), limit_s)
    Printer(as_json=as_json).record(collection_record(collection))


def _report_no_effect(client: tihua.Client, wanted: str) -> None:
    """Say on stderr, before the build, if the server's store does not build such an index."""
    store = client.server_info().store
    if store.startswith("Milvus Lite") and wanted in {"AUTOINDEX", "HNSW"}:
        click.echo(
            f"{wanted} has an effect on a Milvus server only: this server's embedded store "
            f"({store}) compares every item with the query instead",
            err=True,
        )


def _built(
    client: tihua.Client,
    name: str,
    index: tihua.IndexName | None,
    index_params: dict[str, int],
    limit_s: float,
) -> tihua.Collection:
    """Wait for the index to be built and return the collection.

    The server answers after ten minutes, even if it has not finished. Another call would rebuild a
    finished index, so the collection's state is checked first.

    Raises:
        DeadlineError: it took longer than `limit_s`.
        UnavailableError: the server or its store went away; the message says if the index may have
            been built anyway.
    """

    def is_built(collection: tihua.Collection) -> bool:
        has_index = index in (None, collection.index)
        has_params = index_params.items() <= collection.index_params.items()
        return collection.load_state == "loaded" and has_index and has_params

    was_built = is_built(client.get_collection(name))
    deadline_s = time.monotonic() + limit_s
    reconnect = Reconnect(limit_s)
    left_s = limit_s
    while True:
        try:
            return client.build_index(name, index=index, index_params=index_params, timeout=left_s)
        except tihua.DeadlineError as error:
            raise tihua.DeadlineError(
                f"the index of {name} was not built within {limit_s:g} s; raise --timeout",
                metadata=error.metadata,
                request_id=error.request_id,
            ) from error
        except tihua.UnavailableError as error:
            if error.reason != "COLLECTION_LOADING":
                found = _found(client, name)
                if found is None or found.load_state != "loading":
                    # A server gives a reason; without one, perhaps only its answer was lost.
                    if error.reason or (found is not None and not is_built(found)):
                        raise
                    if found is None or was_built:
                        raise _in_doubt(name, error) from error
                    return found
            delay_s = reconnect.delay_after(error, 0)
            left_s = deadline_s - time.monotonic() - delay_s
            if left_s <= 0:
                raise
            time.sleep(delay_s)
        collection = client.get_collection(name)
        if is_built(collection):
            return collection


def _found(client: tihua.Client, name: str) -> tihua.Collection | None:
    """Return the collection as it is now; None if the server can't be asked."""
    try:
        return client.get_collection(name)
    except tihua.TihuaError:
        return None


def _in_doubt(name: str, error: tihua.UnavailableError) -> tihua.UnavailableError:
    """Return the error of a call that may have built the index, or may still be building it."""
    return tihua.UnavailableError(
        f"the connection broke ({error.metadata.get('detail', '')}), and the index of {name} may "
        f"have been built all the same: see `tihua collections show {name}` before you build it "
        "again",
        metadata=error.metadata,
        request_id=error.request_id,
    )
