"""Blocking calls that give a collection its index and load it; each runs in a thread.

What a caller wants done at once is one call, so that a caller who leaves does not leave it half
done.
"""

import threading

from pymilvus.client.types import LoadState

from tihua_server.collection import CollectionSpec
from tihua_server.milvus.connection import MilvusConnection
from tihua_server.milvus.index import as_built, is_built
from tihua_server.milvus.schema import EMBEDDING, indexed


class IndexBuilder:
    """Builds, replaces and loads the indexes of one Milvus.

    The property `tihua` of a collection (schema.py) says which index it should have. It is written
    before the old index is dropped, so that what is interrupted can be completed.
    """

    def __init__(self, connection: MilvusConnection) -> None:
        self._client, self._is_lite = connection.client, connection.is_lite
        self._lite_server = connection.lite_server
        self._replacing = threading.Lock()

    def index_and_load(self, spec: CollectionSpec, *, timeout: float) -> None:
        """Load a collection with the index that it should have, building it if it is missing.

        If the disk has no room for that, an existing index of another kind stays for now.
        """
        name, client = spec.name, self._client
        built = client.describe_index(name, EMBEDDING, timeout=timeout)
        has_room = built is None or self._lite_server is None or self._lite_server.has_room()
        if has_room and not is_built(spec.index, built, lite=self._is_lite):
            if built is not None:
                self._drop_index(name, timeout=timeout)
            wanted = as_built(spec.index, lite=self._is_lite)
            index = client.prepare_index_params()
            # Milvus Lite drops parameters unless they are nested once more; Milvus takes both.
            index.add_index(
                EMBEDDING,
                index_type=wanted.type.value,
                metric_type="COSINE",
                params={"params": dict(wanted.params)},
            )
            client.create_index(name, index, sync=False, timeout=timeout)
        client.load_collection(name, timeout=timeout)

    def replace_index(self, spec: CollectionSpec, *, timeout: float) -> None:
        """Note the index that a collection should have, build it anew, and load it."""
        name, client = spec.name, self._client
        with self._replacing:
            state = client.get_load_state(name, timeout=timeout)["state"]
            built = client.describe_index(name, EMBEDDING, timeout=timeout)
            # A second call while it is being built waits for it, and does not start again.
            is_under_way = state is LoadState.Loading and is_built(
                spec.index, built, lite=self._is_lite
            )
            if not is_under_way:
                description = client.describe_collection(name, timeout=timeout)
                client.alter_collection_properties(
                    name, indexed(description, spec.index), timeout=timeout
                )
                if built is not None:
                    self._drop_index(name, timeout=timeout)
            self.index_and_load(spec, timeout=timeout)

    def _drop_index(self, name: str, *, timeout: float) -> None:
        # Milvus drops no index of a loaded collection.
        self._client.release_collection(name, timeout=timeout)
        self._client.drop_index(name, EMBEDDING, timeout=timeout)
