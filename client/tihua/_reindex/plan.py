"""Derives the state of a reindex from the names of the collections; without I/O.

    photos ─────────────────────> photos_tihua_tiny_1      the old collection, which is searched
    photos_vit_b_16_1_source ───> photos_tihua_tiny_1      an alias: what the new one is made of
                                  photos_vit_b_16_1        the new collection

The second alias, the marker, is the only state of an unfinished reindex. It links the name of the
new collection to the old one, keeps the old one from being deleted, and is deleted when everything
is done. It is created before the new collection, so that a collection left behind is never a
mystery.

A plain collection is renamed first. If tihua's server dies during that, a Milvus server may be left
without the alias that keeps the old name; an embedded store completes the rename when it is opened
again. A collection that looks like the renamed one may also be left from an earlier reindex, so it
is not used: the error only mentions it.
"""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import count

from tihua._server_types import Collection
from tihua._types import ModelRef
from tihua.errors import FailedPreconditionError, NotFoundError

_MARK = "_source"
_MAX_STEM_CHARS = 230
"""Of the 255 of a name; the rest is for the number and the mark."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The names and the state of a reindex.

    Attributes:
        alias: the name to point to the new collection.
        source: the old collection, by the name that it has or will get.
        target: the new collection.
        is_alias: whether `alias` is an alias already; if not, it is the old collection's name.
        is_begun: whether an earlier call got as far as the marker.
        is_swapped: whether the alias already leads to the new collection.
    """

    alias: str
    source: str
    target: str
    is_alias: bool
    is_begun: bool = False
    is_swapped: bool = False

    @property
    def marker(self) -> str:
        """The alias of the old collection that marks an unfinished reindex."""
        return self.target + _MARK


def plan(collections: Sequence[Collection], name: str, model: ModelRef) -> Plan | None:
    """Return the plan that makes `name` lead to a collection of `model`; None if it already does.

    Args:
        collections: all collections of the server.
        name: an alias, or a collection.
        model: the model of the new collection.

    Raises:
        NotFoundError: nothing has that name; the message names a collection that may have had it.
        FailedPreconditionError: a reindex to another model is not finished.
    """
    led_to = {alias: each for each in collections for alias in each.aliases}
    by_name = {each.name: each for each in collections}
    current = led_to.get(name) or by_name.get(name)
    if current is None:
        raise NotFoundError(_not_found(collections, name), reason="NOT_FOUND")
    is_of_model = current.model.fingerprint == model.fingerprint
    swapped = Plan(name, "", current.name, is_alias=True, is_begun=True, is_swapped=True)
    if (old := led_to.get(swapped.marker)) is not None and name in current.aliases:
        if not is_of_model:
            raise FailedPreconditionError(
                f"the reindex of {name} to {current.model.id} is not finished: finish that one "
                "first",
                reason="REINDEX_UNDER_WAY",
            )
        return Plan(name, old.name, current.name, is_alias=True, is_begun=True, is_swapped=True)
    if is_of_model:
        return None
    taken = {*by_name, *led_to}
    is_alias = current.name != name
    source = current.name if is_alias else _free(_stem(name, current.model), taken)
    stem = _stem(name, model)
    for marker in current.aliases:
        target = marker.removesuffix(_MARK)
        made = by_name.get(target)
        if re.fullmatch(rf"{stem}_[0-9]+{_MARK}", marker) and (
            made is None or made.model.fingerprint == model.fingerprint
        ):
            return Plan(name, source, target, is_alias=is_alias, is_begun=True)
    of_others = {marker.removesuffix(_MARK) for marker in taken if marker.endswith(_MARK)}
    target = _free(stem, taken | of_others | {source})
    return Plan(name, source, target, is_alias=is_alias)


def _not_found(collections: Sequence[Collection], name: str) -> str:
    """Return the message that nothing has this name, with a collection that may have had it."""
    message = f"there is no collection {name!r}"
    stems = [(each, _stem(name, each.model)) for each in collections if not each.aliases]
    found = [
        each.name
        for each, stem in stems
        if stem.startswith(f"{name}_") and re.fullmatch(rf"{stem}_[0-9]+", each.name)
    ]
    if not found:
        return message
    return (
        f"{message}; {found[0]} looks like what a reindex left: point the name to it with `tihua "
        f"collections alias {name} {found[0]}`, then reindex again"
    )


def _stem(name: str, model: ModelRef) -> str:
    """Return the start of the names of a name's collections of a model: `photos_vit_b_16`."""
    return re.sub(r"[^A-Za-z0-9_]", "_", f"{name}_{model.id.lower()}")[:_MAX_STEM_CHARS]


def _free(stem: str, taken: Container[str]) -> str:
    return next(name for number in count(1) if (name := f"{stem}_{number}") not in taken)
