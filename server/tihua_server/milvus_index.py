"""The parameters of the indexes: their names, ranges and defaults, at building and at searching."""

from collections.abc import Mapping
from typing import Any

from tihua_server.collection import Index, IndexType
from tihua_server.errors import InvalidInput

MAX_EF = 32_768
"""Candidates of an HNSW search, and of its construction (Milvus documents ef up to 32 768)."""

_BUILD: Mapping[IndexType, Mapping[str, tuple[int, int, int]]] = {
    IndexType.FLAT: {},
    IndexType.IVF_FLAT: {"nlist": (1, 65_536, 512)},
    IndexType.HNSW: {"M": (2, 2_048, 16), "efConstruction": (1, MAX_EF, 200)},
    IndexType.AUTOINDEX: {},
}
"""Lowest, highest and default value of each parameter (Milvus, "Index Vector Fields")."""

_SEARCH = {IndexType.IVF_FLAT: "nprobe", IndexType.HNSW: "ef"}


def with_defaults(index: Index) -> Index:
    """Return an index with all parameters of its type.

    Raises:
        InvalidInput: it has a parameter that its type does not know, or a value out of range.
    """
    ranges = _BUILD[index.type]
    _refuse_strange(index.params, set(ranges), f"{index.type} index is built")
    params = {}
    for name, (lowest, highest, default) in ranges.items():
        params[name] = index.params.get(name, default)
        _check_range(name, params[name], lowest, highest)
    return Index(index.type, params)


def reported(index: Index, description: Mapping[str, Any] | None) -> Index:
    """Return an index as the store describes it.

    Args:
        index: what was asked for; stands where the store says nothing.
        description: of `MilvusClient.describe_index`, which has the parameters as numbers under
            `params` or as strings beside it, depending on the server; None when there is none.
    """
    if description is None or description.get("index_type") not in set(IndexType):
        return index
    kind = IndexType(description["index_type"])
    told = {**index.params, **description, **(description.get("params") or {})}
    return Index(kind, {name: int(told.get(name, _BUILD[kind][name][2])) for name in _BUILD[kind]})


def is_built(index: Index, description: Mapping[str, Any] | None) -> bool:
    """Return whether the index that the store describes is the one that was asked for.

    Of what AUTOINDEX becomes, each Milvus has an opinion of its own: any index will do.
    """
    if description is None:
        return False
    return index.type is IndexType.AUTOINDEX or reported(index, description) == index


def search_params(
    index: Index, asked: Mapping[str, int], *, limit: int, offset: int, lite: bool
) -> dict[str, int]:
    """Return the parameters of one search.

    An index looks at few candidates by default, and finds no more hits than candidates: Milvus Lite
    gave 21 hits of 100 asked of an IVF_FLAT index of 1 000 items. So HNSW always has as many
    candidates as hits are asked for, and IVF_FLAT looks into a sixteenth of its lists, or into all
    of them on Milvus Lite, which takes the same time there.

    Args:
        index: with all parameters.
        asked: `nprobe` (IVF_FLAT, 1 to nlist) or `ef` (HNSW, `limit` to 32 768), if anything.
        limit: hits of the answer.
        offset: hits before it.
        lite: whether it is for Milvus Lite.

    Raises:
        InvalidInput: the index does not know a parameter, or it is out of range.
    """
    name = _SEARCH.get(index.type)
    _refuse_strange(asked, {name} if name else set(), f"{index.type} index is searched")
    window = offset + limit
    if index.type is IndexType.IVF_FLAT:
        nlist = index.params["nlist"]
        nprobe = asked.get("nprobe", nlist if lite else max(min(nlist, 8), nlist // 16))
        _check_range("nprobe", nprobe, 1, nlist)
        return {"nprobe": nprobe}
    if index.type is IndexType.HNSW:
        _check_range("ef", asked.get("ef", limit), limit, MAX_EF)
        return {"ef": max(asked.get("ef", 64), window)}
    # On Milvus Lite, AUTOINDEX is HNSW and has no default that follows the limit.
    return {"ef": max(64, window)} if lite and index.type is IndexType.AUTOINDEX else {}


def _refuse_strange(given: Mapping[str, int], known: set[str], what: str) -> None:
    for name in sorted(given.keys() - known):
        wanted = " and ".join(sorted(known)) or "no parameters"
        raise InvalidInput(
            f"an {what} with {wanted}; {name!r} is none of them",
            reason="INDEX_PARAMETER",
            field=f"index.params[{name}]" if "built" in what else f"index_params[{name}]",
        )


def _check_range(name: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise InvalidInput(
            f"{name} is {value}; it must be {lowest} to {highest}",
            reason="INDEX_PARAMETER",
            field="index_params",
            metadata={"lowest": lowest, "highest": highest},
        )
