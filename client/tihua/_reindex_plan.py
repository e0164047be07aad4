"""Where a reindex stands, read from the names of the collections; knows neither network nor files.

    photos ─────────────────────> photos_tihua_tiny_1      the old collection, which is searched
    photos_vit_b_16_1_source ───> photos_tihua_tiny_1      an alias: what the new one is made of
                                  photos_vit_b_16_1        the new collection

That alias is all that is kept of a reindex under way: it leads from the name of the new collection
to the old one, keeps the old one from being deleted, and is deleted when all is done. It is made
before the new collection, so that none is left over of which nobody knows what it was for.

A plain collection is renamed first. A server that dies in the middle of that may leave it without
the alias that keeps the old name; it is known by the name that it was given.
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
"""Of the 255 of a name; the rest is for number and mark."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        alias: the name that shall lead to the new collection.
        source: the old collection, by the name that it has or will be given.
        target: the new collection.
        is_alias: whether `alias` is one; else it is the old collection's name.
        is_nameless: whether the old collection was renamed, and `alias` does not lead to it yet.
        is_begun: whether an earlier call got as far as the marker.
        is_swapped: whether the alias leads to the new collection already.
    """

    alias: str
    source: str
    target: str
    is_alias: bool
    is_begun: bool = False
    is_swapped: bool = False
    is_nameless: bool = False

    @property
    def marker(self) -> str:
        """The alias of the old collection that tells of the reindex."""
        return self.target + _MARK


def plan(collections: Sequence[Collection], name: str, model: ModelRef) -> Plan | None:
    """Return what is to be done so that `name` leads to a collection of `model`; None for nothing.

    Args:
        collections: all there are.
        name: an alias, or a collection.
        model: of the new collection.

    Raises:
        NotFoundError: there is nothing of that name.
        FailedPreconditionError: a reindex to another model is not finished.
    """
    led_to = {alias: each for each in collections for alias in each.aliases}
    by_name = {each.name: each for each in collections}
    known = led_to.get(name) or by_name.get(name)
    current = known or _renamed(collections, name, model)
    is_of_model = current.model.fingerprint == model.fingerprint
    swapped = Plan(name, "", current.name, is_alias=True, is_begun=True, is_swapped=True)
    if (old := led_to.get(swapped.marker)) is not None and name in current.aliases:
        if not is_of_model:
            raise FailedPreconditionError(
                f"the reindex of {name} to {current.model.id} is not finished: run that to its end "
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
    return Plan(name, source, target, is_alias=is_alias, is_nameless=known is None)


def _renamed(collections: Sequence[Collection], name: str, model: ModelRef) -> Collection:
    """Return the one collection that can only be what a reindex of `name` to `model` renamed."""
    found = [
        each
        for each in collections
        if re.fullmatch(rf"{_stem(name, each.model)}_[0-9]+", each.name)
        and not each.aliases
        and each.model.fingerprint != model.fingerprint
    ]
    if len(found) != 1:
        raise NotFoundError(f"there is no collection {name!r}", reason="NOT_FOUND")
    return found[0]


def _stem(name: str, model: ModelRef) -> str:
    """Return how the collections of a name and a model begin: `photos_vit_b_16`."""
    return re.sub(r"[^A-Za-z0-9_]", "_", f"{name}_{model.id.lower()}")[:_MAX_STEM_CHARS]


def _free(stem: str, taken: Container[str]) -> str:
    return next(name for number in count(1) if (name := f"{stem}_{number}") not in taken)
