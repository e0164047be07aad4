"""Aliases of collections, which move atomically, and renaming.

A Milvus server and Milvus Lite both have aliases, and move one atomically. Milvus Lite resolves an
alias even where a server refuses it, for example when dropping a collection. So operations that
need a collection's own name check for it here.
"""

import contextlib

from pymilvus.client.types import LoadState
from pymilvus.exceptions import MilvusException

from tihua_server.errors import CollectionDamaged, NotFound
from tihua_server.milvus.collections import MilvusCollections
from tihua_server.milvus.errors import already_exists, no_alias
from tihua_server.milvus.loading import LOAD_TIMEOUT_S


class MilvusAliases(MilvusCollections):
    """The collections of one Milvus, and the names that lead to them."""

    async def set_alias(self, alias: str, name: str) -> str:
        """Point an alias to a collection; return its previous one, "" if it is new."""
        target = (await self.spec(name, is_fresh=True)).name
        before = await self._led_to(alias)
        if before:
            try:
                await self._require_not_of_others(before)
            except NotFound as error:
                raise already_exists(alias) from error
        write = self._client.alter_alias if before else self._client.create_alias
        await self._call(alias, write, target, alias)
        self._forget(alias)
        return before

    async def drop_alias(self, alias: str) -> None:
        """Remove an alias; the collection stays."""
        before = alias and await self._led_to(alias)
        if not before:
            raise no_alias(alias)
        await self._require_not_of_others(before)
        await self._call(alias, self._client.drop_alias, alias)
        self._forget(alias)

    async def _require_not_of_others(self, name: str) -> None:
        """Raise NotFound if `name` is a collection that tihua did not make."""
        try:
            await self._record(name)
        except CollectionDamaged:
            return
        except NotFound:
            if await self._call(name, self._client.has_collection, name):
                raise

    async def rename(self, name: str, new_name: str, *, keeps_alias: bool) -> None:
        """Rename a collection; with `keeps_alias` the old name becomes an alias of it."""
        await self._require_own_name(name)
        await self._require_free(new_name)
        await self._connection.require_room()
        # One call, so that nothing runs in between on Milvus Lite, and a caller who leaves does not
        # leave it half done.
        rename = self._rename_collection
        await self._call(name, rename, name, new_name, keeps_alias, timeout_s=LOAD_TIMEOUT_S)
        for each in (name, new_name):
            self._forget(each)

    def _rename_collection(
        self, name: str, new_name: str, keeps_alias: bool, *, timeout: float
    ) -> None:
        client, lite_server = self._client, self._connection.lite_server
        # Renaming makes Milvus Lite forget that it was loaded.
        is_loaded = self._is_lite and (
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
