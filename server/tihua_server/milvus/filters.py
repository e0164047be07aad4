"""A filter and its parameters → one Milvus boolean expression that means what its author meant.

Neither Milvus Lite nor Milvus 2.3 binds parameters, so it is done here: an expression is read word
by word, and each `{name}` becomes a literal where a value may stand. Text is never pasted: a bound
string can't end its own quotes, and braces inside a quoted string are only text.

The expression is rewritten for the store, in the spelling that Milvus Lite 3 (`search/filter` of
milvus-lite) and Milvus 2.3 to 2.6 (its `Plan.g4`) share: keywords in lower case, strings in double
quotes, and no space within `a["b"]`, which Milvus lexes as one word. Metadata keys are
`$meta["year"]` for a server, whose language gains keywords from version to version (`iso`,
`interval`), and bare for Lite. Types and names of functions are left for the store to check.
"""

from tihua_server.errors import InvalidInput
from tihua_server.milvus.filter_literals import literal
from tihua_server.milvus.filter_reader import FilterReader
from tihua_server.milvus.filter_tokens import invalid, tokens
from tihua_server.search_params import Filter

MAX_EXPRESSION_CHARS = 16_384
"""Length of an expression as its author wrote it."""

MAX_RENDERED_BYTES = 1_048_576
"""Length of an expression with its values, as UTF-8."""


def render(where: Filter, *, lite: bool = False) -> str:
    """Return the expression with its parameters bound; empty for a filter that keeps every item.

    Fields are `id`, `uri` and metadata keys: bare (`year`), nested (`camera["lens"]`, `tags[0]`) or
    quoted (`$meta["shot on"]`, also for keys that are words of the language, like `in`).
    Parameters stand where a value may: `year >= {since}`, `place in {places}`, `uri like {prefix}`.

    Args:
        where: the filter.
        lite: whether it is for Milvus Lite, whose fields are bare names, and whose `in` fails for
            all items when one of them has an object or a list there.

    Raises:
        InvalidInput: the expression is not boolean, or too long; a parameter is unbound, unused, or
            neither string, finite number, boolean nor list of those.
    """
    if len(where.expression) > MAX_EXPRESSION_CHARS:
        raise invalid(
            f"the filter is {len(where.expression)} characters; "
            f"the limit is {MAX_EXPRESSION_CHARS}: bind long values as parameters"
        )
    reader = FilterReader(tokens(where.expression), where.params, lite=lite)
    rendered = reader.read()
    if unused := sorted(where.params.keys() - reader.used):
        raise InvalidInput(
            f"the filter does not use the parameter {unused[0]!r}: "
            f"write {{{unused[0]}}} where its value belongs, or leave it out",
            reason="INVALID_FILTER",
            field="filter_params",
        )
    if (size := len(rendered.encode())) > MAX_RENDERED_BYTES:
        raise invalid(
            f"the filter with its values is {size} bytes; the limit is {MAX_RENDERED_BYTES}"
        )
    if where.without_ids:
        return both(rendered, f"id not in {literal(where.without_ids)}")
    return rendered


def both(rendered: str, condition: str) -> str:
    """Return the conjunction of a rendered expression, which may be empty, and a condition."""
    return f"({rendered}) and {condition}" if rendered else condition
