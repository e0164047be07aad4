"""Names of collections that can be led elsewhere in one step: aliases, and renaming.

A Milvus server and Milvus Lite both have aliases, and move one atomically. Milvus Lite resolves an
alias even where a server refuses it, in dropping for one, so that what may be done by a
collection's own name only is checked here.
"""

from typing import Any

from pymilvus.client.types import LoadState
from pymilvus.exceptions import MilvusException

from tihua_server.errors import NotFound
from tihua_server.milvus_collections import MilvusCollections
from tihua_server.milvus_errors import already_exists, no_alias
from tihua_server.milvus_loading import LOAD_TIMEOUT_S


class MilvusAliases(MilvusCollections):
    """The collections of one Milvus, and the names that lead to them."""

    async def set_alias(self, alias: str, name: str) -> str:
        """Lead an alias to a collection; return the one that it led to before, if any."""
        target = (await self.spec(name, is_fresh=True)).name
        before = await self._led_to(alias)
        if before:
            try:
                await self._record(before)
            except NotFound as error:  # it is of a collection of others
                raise already_exists(alias) from error
        write = self._client.alter_alias if before else self._client.create_alias
        await self._call(alias, write, target, alias)
        self._forget(alias)
        return before

    async def drop_alias(self, alias: str) -> None:
        """Remove an alias; the collection stays."""
        before = await self._led_to(alias)
        if not before:
            raise no_alias(alias)
        await self._record(before)
        await self._call(alias, self._client.drop_alias, alias)
        self._forget(alias)

    async def _led_to(self, alias: str) -> str:
        """Return the collection of an alias, empty if there is no such alias."""
        try:
            found: dict[str, Any] = await self._call(alias, self._client.describe_alias, alias)
        except NotFound:
            return ""
        return str(found["collection_name"])

    async def rename(self, name: str, new_name: str, *, keeps_alias: bool) -> None:
        """Give a collection another name, and make the old one an alias of it if so asked."""
        await self._require_own_name(name)
        if await self._call(new_name, self._client.has_collection, new_name):
            raise already_exists(new_name)
        # One call, so that nothing comes between on Milvus Lite, and nobody leaves it half done.
        await self._call(name, self._rename, name, new_name, keeps_alias, timeout_s=LOAD_TIMEOUT_S)
        for each in (name, new_name):
            self._forget(each)

    def _rename(self, name: str, new_name: str, keeps_alias: bool, *, timeout: float) -> None:
        self._move(name, new_name, timeout=timeout)
        if keeps_alias:
            try:
                self._client.create_alias(new_name, name, timeout=timeout)
            except MilvusException:
                self._move(new_name, name, timeout=timeout)
                raise

    def _move(self, name: str, new_name: str, *, timeout: float) -> None:
        client = self._client
        # Milvus Lite forgets that it was.
        is_loaded = self._is_lite and (
            client.get_load_state(name, timeout=timeout)["state"] is LoadState.Loaded
        )
        client.rename_collection(name, new_name, timeout=timeout)
        if is_loaded:
            client.load_collection(new_name, timeout=timeout)
