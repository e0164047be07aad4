"""The parameters of the indexes: their names, ranges and defaults, at building and at searching."""

from collections.abc import Mapping
from typing import Any

from tihua_server.collection import Index, IndexType
from tihua_server.errors import InvalidInput

MAX_EF = 32_768
"""Most candidates of an HNSW search or construction (Milvus documents ef up to 32 768)."""

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
    _refuse_strange(index.params, set(ranges), f"{index.type} index is built", field="index.params")
    params = {}
    for name, (lowest, highest, default) in ranges.items():
        params[name] = index.params.get(name, default)
        _check_range(f"index.params[{name}]", name, params[name], lowest, highest)
    return Index(index.type, params)


def as_built(index: Index, *, lite: bool) -> Index:
    """Return the index that the store builds for a requested one.

    On Milvus Lite, HNSW and AUTOINDEX become an IVF_FLAT of one list, which every search scans.
    Lite's own HNSW spends its candidates on items that are filtered out or deleted, too: of 10 000
    random embeddings of 512, it found 4 of the 10 nearest, 2 with a filter that 1 % match, and
    often none of a few that match. The list finds all 10, takes no longer (9 ms, HNSW 13; some
    80 ms of CPU time at 100 000) and is built in a twentieth of the time.

    Args:
        index: the requested index, with all parameters.
        lite: whether it is for Milvus Lite.
    """
    if lite and index.type in {IndexType.HNSW, IndexType.AUTOINDEX}:
        return Index(IndexType.IVF_FLAT, {"nlist": 1})
    return index


def is_built(index: Index, description: Mapping[str, Any] | None, *, lite: bool) -> bool:
    """Return whether the index that the store describes is what it builds for `index`.

    For AUTOINDEX any index of a Milvus server will do: each Milvus chooses its own.

    Args:
        index: the requested index, with all parameters.
        description: of `MilvusClient.describe_index`, which has the parameters as numbers under
            `params` or as strings beside it, depending on the server; None when there is none.
        lite: whether it is for Milvus Lite.
    """
    index = as_built(index, lite=lite)
    if description is None:
        return False
    if index.type is IndexType.AUTOINDEX:
        return True
    built = {**description, **(description.get("params") or {})}
    return description.get("index_type") == index.type and all(
        int(built.get(name, value)) == value for name, value in index.params.items()
    )


def search_tuning(
    index: Index, asked: Mapping[str, int], *, limit: int, offset: int, lite: bool
) -> dict[str, int]:
    """Return the parameters of one search.

    By default an index looks at few candidates, and it finds no more hits than candidates: asked
    for 100 hits, an IVF_FLAT index of 1 000 items on Milvus Lite found 21. So HNSW gets at least as
    many candidates as the hits asked for, and IVF_FLAT searches a sixteenth of its lists, or all of
    them on Milvus Lite, which takes the same time there and also serves as HNSW (`as_built`).

    Args:
        index: with all parameters.
        asked: `nprobe` (IVF_FLAT, 1 to nlist) or `ef` (HNSW, `limit` to 32 768), if given.
        limit: hits of the answer.
        offset: hits before it.
        lite: whether it is for Milvus Lite.

    Raises:
        InvalidInput: the index does not know a parameter, or it is out of range.
    """
    name = _SEARCH.get(index.type)
    known = {name} if name else set()
    _refuse_strange(asked, known, f"{index.type} index is searched", field="index_params")
    if index.type is IndexType.IVF_FLAT:
        nlist = index.params["nlist"]
        nprobe = asked.get("nprobe", nlist if lite else max(min(nlist, 8), nlist // 16))
        _check_range("index_params[nprobe]", "nprobe", nprobe, 1, nlist)
        return {"nprobe": nprobe}
    if index.type is IndexType.HNSW:
        _check_range("index_params[ef]", "ef", asked.get("ef", limit), limit, MAX_EF)
        if not lite:
            return {"ef": max(asked.get("ef", 64), offset + limit)}
    # For the one list that HNSW and AUTOINDEX are on Milvus Lite.
    return {"nprobe": 1} if lite and index.type is not IndexType.FLAT else {}


def _refuse_strange(given: Mapping[str, int], known: set[str], what: str, *, field: str) -> None:
    for name in sorted(given.keys() - known):
        wanted = " and ".join(sorted(known)) or "no parameters"
        raise InvalidInput(
            f"an {what} with {wanted}, not with {name!r}",
            reason="INDEX_PARAMETER",
            field=f"{field}[{name}]",
        )


def _check_range(field: str, name: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise InvalidInput(
            f"{name} is {value}; it must be {lowest} to {highest}",
            reason="INDEX_PARAMETER",
            field=field,
            metadata={"lowest": lowest, "highest": highest},
        )
