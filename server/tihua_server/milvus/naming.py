"""The names that lead to a collection: its own and its aliases, which move atomically.

A Milvus server and Milvus Lite both have aliases, and move one atomically. Milvus Lite resolves an
alias even where a server refuses it, for example when dropping a collection. So operations that
need a collection's own name check for it here.
"""

import contextlib
from typing import Any

from pymilvus.client.types import LoadState
from pymilvus.exceptions import MilvusException

from tihua_server.errors import CollectionDamaged, NotFound
from tihua_server.milvus.catalog import Catalog
from tihua_server.milvus.collection_calls import LOAD_TIMEOUT_S, CollectionCalls
from tihua_server.milvus.connection import MilvusConnection
from tihua_server.milvus.errors import already_exists, is_alias, no_alias


class Naming:
    """The names of the collections of one Milvus, which aliases and collections share."""

    def __init__(
        self, connection: MilvusConnection, calls: CollectionCalls, catalog: Catalog
    ) -> None:
        self._connection, self._client = connection, connection.client
        self._calls = calls
        self._catalog = catalog

    async def require_own(self, name: str) -> None:
        """Return if a name is a collection's own.

        Raises:
            CollectionInUse: it is an alias.
            NotFound: it leads nowhere, or to a collection that tihua did not make.
        """
        found = await self._catalog.find(name)
        if found.spec.name != name:
            raise is_alias(name, found.spec.name)

    async def require_free(self, name: str) -> None:
        """Return if no collection has a name, not even one of others, and no alias.

        Raises:
            AlreadyExists: it is taken.
        """
        # Milvus Lite finds no collection where an alias leads nowhere.
        is_taken = await self._calls.call(name, self._client.has_collection, name)
        if is_taken or await self._led_to(name):
            raise already_exists(name)

    async def aliases(self, own_name: str) -> tuple[str, ...]:
        """Return the aliases of a collection, sorted."""
        found = await self._calls.call(own_name, self._client.list_aliases, own_name)
        return tuple(sorted(found["aliases"]))

    async def set_alias(self, alias: str, name: str) -> str:
        """Point an alias to a collection; return its previous one, "" if it is new."""
        target = (await self._catalog.spec(name, is_fresh=True)).name
        before = await self._led_to(alias)
        if before:
            try:
                await self._require_not_of_others(before)
            except NotFound as error:
                raise already_exists(alias) from error
        write = self._client.alter_alias if before else self._client.create_alias
        await self._calls.call(alias, write, target, alias)
        self._catalog.forget(alias)
        return before

    async def drop_alias(self, alias: str) -> None:
        """Remove an alias; the collection stays."""
        before = alias and await self._led_to(alias)
        if not before:
            raise no_alias(alias)
        await self._require_not_of_others(before)
        await self._calls.call(alias, self._client.drop_alias, alias)
        self._catalog.forget(alias)

    async def rename(self, name: str, new_name: str, *, keeps_alias: bool) -> None:
        """Rename a collection; with `keeps_alias` the old name becomes an alias of it."""
        await self.require_own(name)
        await self.require_free(new_name)
        await self._connection.require_room()
        # One call, so that nothing runs in between on Milvus Lite, and a caller who leaves does not
        # leave it half done.
        rename = self._rename_collection
        await self._calls.call(name, rename, name, new_name, keeps_alias, timeout_s=LOAD_TIMEOUT_S)
        for each in (name, new_name):
            self._catalog.forget(each)

    def _rename_collection(
        self, name: str, new_name: str, keeps_alias: bool, *, timeout: float
    ) -> None:
        client, lite_server = self._client, self._connection.lite_server
        # Renaming makes Milvus Lite forget that it was loaded.
        is_loaded = self._connection.is_lite and (
            client.get_load_state(name, timeout=timeout)["state"] is LoadState.Loaded
        )
        noted = (
            lite_server.renaming(name, new_name, keeps_alias=keeps_alias)
            if lite_server
            else contextlib.nullcontext()
        )
        with noted:
            client.rename_collection(name, new_name, timeout=timeout)
            if keeps_alias:
                try:
                    client.create_alias(new_name, name, timeout=timeout)
                except MilvusException:
                    client.rename_collection(new_name, name, timeout=timeout)
                    if is_loaded:
                        client.load_collection(name, timeout=timeout)
                    raise
        if is_loaded:
            client.load_collection(new_name, timeout=timeout)

    async def _led_to(self, alias: str) -> str:
        """Return the collection of an alias, empty if there is no such alias."""
        try:
            found: dict[str, Any] = await self._calls.call(
                alias, self._client.describe_alias, alias
            )
        except NotFound:
            return ""
        return str(found["collection_name"])

    async def _require_not_of_others(self, name: str) -> None:
        """Raise NotFound if `name` is a collection that tihua did not make."""
        try:
            await self._catalog.find(name)
        except CollectionDamaged:
            return
        except NotFound:
            if await self._calls.call(name, self._client.has_collection, name):
                raise
