"""Filters: how they are rendered for the store, and what is refused before."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tihua_server.errors import InvalidInput
from tihua_server.milvus.filter_literals import MAX_LIST_LENGTH, literal
from tihua_server.milvus.filter_reader import MAX_DEPTH, MAX_OPERATORS, MAX_PATTERN_CHARS
from tihua_server.milvus.filters import MAX_EXPRESSION_CHARS, render
from tihua_server.search_params import Filter

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "r": "\r", "t": "\t"}


def read(quoted: str) -> str:
    """Read a string literal as the stores do: it ends at the first quote that is not escaped."""
    match = re.fullmatch(r'"((?:[^"\\\r\n]|\\["\\nrt])*)"', quoted)
    assert match is not None
    return re.sub(r"\\(.)", lambda escape: ESCAPES[escape.group(1)], match.group(1))


@given(TEXT)
def test_a_bound_string_reads_as_itself(value: str) -> None:
    """Whatever it contains, it is exactly one literal."""
    assert read(render(Filter("{a}", {"a": value}))) == value


@given(TEXT)
def test_text_never_changes_the_expression_around_it(value: str) -> None:
    """Taking the literal out leaves what the author wrote."""
    rendered = render(Filter("uri == {a} and not id in {b}", {"a": value, "b": [value]}))

    assert rendered.replace(literal(value), "?") == "uri == ? and not ( id in [?] )"


@given(st.lists(st.sampled_from([*"()[]{},\"'\\=!<>&|-+*/%$;a1 ", "in", "like", "{p}", "not"])))
def test_any_nonsense_is_refused_or_balanced(words: list[str]) -> None:
    """It raises nothing but InvalidInput, and what passes can be put in parentheses."""
    try:
        rendered = render(Filter("".join(words), {}))
    except InvalidInput:
        return
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", rendered)
    depth = 0
    for char in bare:
        depth += {"(": 1, ")": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0
    assert not set(bare) & set("{};\"'")


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_bound_integer_reads_as_itself(value: int) -> None:
    """All 64 bits are there."""
    assert int(render(Filter("{a}", {"a": value}))) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_bound_float_reads_as_itself(value: float) -> None:
    """It is written without loss, as an integer where it is one."""
    rendered = render(Filter("{a}", {"a": value}))

    assert float(rendered) == value
    assert rendered.removeprefix("-").isdigit() == (value.is_integer() and abs(value) <= 2**53)


@pytest.mark.parametrize(
    ("expression", "params", "rendered"),
    [
        ("", {}, ""),
        (" \n", {}, ""),
        (
            "year>={since}AND place in {p}",
            {"since": 1e3, "p": ["a"]},
            '@year >= 1000 and @place in ["a"]',
        ),
        ("a && !b || NOT c", {}, "@a and not ( @b ) or not ( @c )"),
        ("x == '{x}'", {}, '@x == "{x}"'),
        ("x == 'it\\'s \"so\"'", {}, '@x == "it\'s \\"so\\""'),
        ("x == {a} or y == {a}", {"a": True}, "@x == true or @y == true"),
        ("x in {a}", {"a": [1, 2.5, -3]}, "@x in [1.0, 2.5, -3.0]"),
        ("x not in [ 'a' , {b} ]", {"b": "c"}, '@x not in ["a", "c"]'),
        ("x in []", {}, "@x in []"),
        ("camera [ 'lens' ] [0] == 1", {}, '@camera["lens"][0] == 1'),
        ("作者 == 1", {}, "@作者 == 1"),
        ("作者['a'] == 1", {}, '@作者["a"] == 1'),
        ("iso > 100 and $meta['x'] == 1", {}, "@iso > 100 and @x == 1"),
        ("id == 'a' and uri != 'b'", {}, 'id == "a" and uri != "b"'),
        ("x is NULL or y is not null", {}, "@x is null or @y is not null"),
        ("exists a['b'] and x like 'a%'", {}, '( exists @a["b"] ) and @x like "a%"'),
        ("not (a == 1) and b", {}, "not ( @a == 1 ) and @b"),
        ("not (a + b) > 3 or c", {}, "not ( ( @a + @b ) > 3 ) or @c"),
        ("not not (a) == 1", {}, "not not ( @a == 1 )"),
        ("a == not b and (not c or d)", {}, "@a == not ( @b ) and ( not ( @c ) or @d )"),
        ("a - b == 0 or a == 1 + 2", {}, "@a - @b == 0 or @a == 1 + 2"),
        ("id == uri or 'x' == a", {}, 'id == uri or "x" == @a'),
        ("$meta['metadata']['x'] == 1", {}, '@metadata["x"] == 1'),
        ("not exists (a) and b", {}, "not ( ( exists @a ) ) and @b"),
        ("json_contains_all(tags, {t})", {"t": [1]}, "json_contains_all( @tags , [1] )"),
        ("-x + 1 < -5", {}, "- @x + 1 < - 5"),
    ],
)
def test_an_expression_is_written_in_one_spelling(
    expression: str, params: dict[str, Any], rendered: str
) -> None:
    """Keywords in lower case, double quotes, values in place; `@x` is `$meta["x"]`."""
    assert render(Filter(expression, params)) == re.sub(r"@(\w+)", r'$meta["\1"]', rendered)


@pytest.mark.parametrize(
    ("expression", "rendered"),
    [
        ("", 'id not in ["a", "b"]'),
        ("uri == 'x' or uri == 'y'", '(uri == "x" or uri == "y") and id not in ["a", "b"]'),
    ],
)
def test_items_are_left_out_whatever_the_expression_says(expression: str, rendered: str) -> None:
    """They are not part of what its author wrote."""
    assert render(Filter(expression, without_ids=["a", "b"])) == rendered


@pytest.mark.parametrize(
    ("expression", "rendered"),
    [
        ("iso > 100 and ISO['a'] == 1", '$meta["iso"] > 100 and $meta["ISO"]["a"] == 1'),
        ("Interval in [1]", '($meta["Interval"] == 1)'),
        ("作者 in ['李白']", '(作者 == "李白")'),
        ("not x in [1, 2.5]", "not ( (x == 1 or x == 2.5) )"),
        ("y and a['b'] not in [1, 2]", 'y and (a["b"] != 1 and a["b"] != 2)'),
        ("(x in [])", '( (x == "" and x != "") )'),
        ("x not in []", '(x == "" or x != "")'),
        ("id in ['a'] or uri not in ['b']", 'id in ["a"] or uri not in ["b"]'),
        ("1 + x in [1]", "1 + x in [1]"),
        ("((x)) in [1]", "(x == 1)"),
        ("1 + (x) in [1]", "1 + x in [1]"),
        ("x in [1] in [2]", "(x == 1) in [2]"),
        ("1 in [1]", "1 in [1]"),
    ],
)
def test_milvus_lite_gets_bare_names_and_comparisons_of_metadata(
    expression: str, rendered: str
) -> None:
    """Its `in` fails where a value of the metadata is an object; columns hold none."""
    assert render(Filter(expression), lite=True) == rendered


@pytest.mark.parametrize(
    "expression",
    [
        "a['b'] in {v}",
        "$meta['a']['b'] not in {v}",
        "a[0] == 1 or b in {v}",
        "b in {v} or a[0] == 1",
        "id in {v} and a['b'] == 1",
        "json_contains_any(a, {v})",
        "array_length(a) == 2 or uri in {v}",
    ],
)
def test_milvus_lite_compares_item_by_item_with_few_values(expression: str) -> None:
    """It evaluates a whole filter item by item if any part looks into a key."""
    values: dict[str, object] = {"v": [f"{n}" for n in range(MAX_OPERATORS + 1)]}
    render(Filter(expression, values))
    with pytest.raises(InvalidInput, match="under a key of its own"):
        render(Filter(expression, values), lite=True)


def test_milvus_lite_compares_whole_keys_with_a_list() -> None:
    """For all items at once, unless a key has values of several kinds: hence the bound on lists."""
    values: dict[str, object] = {"v": list(range(MAX_LIST_LENGTH))}
    for expression in ("a in {v}", "$meta['a b'] in {v}", "id == 'x' or a not in {v}"):
        render(Filter(expression, values), lite=True)
    expression = "a in {v} or b in [1]"
    render(Filter(expression, values))
    with pytest.raises(InvalidInput, match="may have 1000 values together"):
        render(Filter(expression, values), lite=True)


def test_milvus_lite_is_asked_for_no_remainder() -> None:
    """It has no such operator; the message says so."""
    with pytest.raises(InvalidInput, match="Milvus Lite does not know '%'"):
        render(Filter("x % 2 == 1"), lite=True)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("x == 1; drop collection y", "';' has no meaning"),
        ("drop collection y", "an operator is expected where 'collection'"),
        ("x == 1 or", "ends where"),
        ("x == 1) or (y == 1", "closes nothing"),
        ("(x == 1", "not closed"),
        ("x == 'a", "string is not closed"),
        ("x == 'a\n'", "string is not closed"),
        ("x = 1", "write '=='"),
        ("x == {a b}", "written {name}"),
        (r"x == 'a\d'", "unknown escape"),
        ("embedding == 1", "embedding"),
        ("json_contains(embedding, 1)", "embedding"),
        ("$meta == 1", "takes a key"),
        ("$metadata == 1", "no meaning"),
        ("x in y", "a list after 'in'"),
        ("x in 'abc'", "a list after 'in'"),
        ("x like 5", "a string after 'like'"),
        ("x like '" + "%" * (MAX_PATTERN_CHARS + 1) + "'", str(MAX_PATTERN_CHARS)),
        ("x not like 'a'", "'in' is expected"),
        ("x is 5", "'null' is expected"),
        ("a['b\"c'] == 1", "without quotes"),
        ("a[''] == 1", "without quotes"),
        ("a[true] == 1", "a number from 0"),
        ("x in [1, 'a']", "one kind"),
        ("x in [1,]", "is expected"),
        ("x in [-'a']", "a number is expected"),
        ("x, y", "an operator is expected"),
        ('metadata["作者"] == "范宽"', 'year or $meta["shot on"]'),
        ("拍摄 日期 == 'x'", "where '日期' is: a text is written in quotes, a key with blanks"),
        ("1月 == 2", '$meta["shot on"]'),
        ("作者 in [范宽]", "a text is written in quotes"),
        ("作者 like 马%", "a text is written in quotes"),
        ("作者 == 范宽", 'write a text in quotes, "范宽", or as a parameter'),
        ("not 作者 == (范宽) and x", '"范宽"'),
        ("(作者) != 范宽", '"范宽"'),
        ("album == my-trip", "'album' and 'my' are both fields"),
        ("x == (y) + 1", 'write a text in quotes, "…", or as a parameter'),
        ("id == uri + 1", "'id' and 'uri' are both fields"),
        ("x == 1 or 'a' == x and uri == 猫", "'uri' and '猫' are both fields"),
        ("$meta['a'] < $meta['b']", "a key compares with values only"),
        ("作者 == “范宽”", "'“' has no meaning in a filter: write \" instead (character 7"),
        ("作者 == 「范宽」", ': write "'),
        ("x == ‘a’", ": write '"),
        ("x ＝＝ 1", ": write ="),
        ("x ≥ 1", ": write >="),
        ("x == １", ": write 1"),
        ("x in [1，2]", ": write ,"),
        ("x == 1；", "'；' has no meaning in a filter (character 7"),
        ("x == cat.jpg", "'.' has no meaning in a filter (character 9"),
        ("x == 99999999999999999999", "64 bits"),
        ("x == " + "9" * 9_000, "inf"),
        ("x == 1" + " " * MAX_EXPRESSION_CHARS, str(MAX_EXPRESSION_CHARS)),
        ("(" * (MAX_DEPTH + 1) + "x" + ")" * (MAX_DEPTH + 1), "deeper"),
        ("not " * (MAX_OPERATORS + 1) + "x", "operators"),
    ],
)
def test_a_wrong_expression_is_refused(expression: str, words: str) -> None:
    """The message says what is expected where, in one short line."""
    with pytest.raises(InvalidInput, match=re.escape(words)) as caught:
        render(Filter(expression))

    assert len(caught.value.message) < 300
    assert caught.value.reason == "INVALID_FILTER"


@pytest.mark.parametrize(
    ("expression", "params", "words"),
    [
        ("x == {a}", {}, "'a' is not bound"),
        ("x == {a}", {"a": 1, "b": 2}, "'b'"),
        ("x == '{a}'", {"a": 1}, "'a'"),
        ("", {"a": 1}, "'a'"),
        ("x == {a}", {"a": float("nan")}, "is nan"),
        ("x == {a}", {"a": float("inf")}, "is inf"),
        ("x == {a}", {"a": 2**63}, "64 bits"),
        ("x == {a}", {"a": None}, "NoneType"),
        ("x == {a}", {"a": {"b": 1}}, "dict"),
        ("x == {a}", {"a": "\ud800"}, "surrogate"),
        ("x in {a}", {"a": 1}, "a list after 'in'"),
        ("x in {a}", {"a": [1, "b"]}, "one kind"),
        ("x in {a}", {"a": [[1]]}, "holds a list"),
        ("x in {a}", {"a": list(range(MAX_LIST_LENGTH + 1))}, str(MAX_LIST_LENGTH)),
        ("x in [{a}]", {"a": [1]}, "holds a list"),
        ("x like {a}", {"a": ["b"]}, "a string after 'like'"),
        ("a[{k}] == 1", {"k": 'x"] or a["y'}, "without quotes"),
        ("a[{k}] == 1", {"k": -1}, "a number from 0"),
        ("x == {a}", {"a": "b" * 1_048_576}, "1048576"),
        ("x == {a}", {"a": "题" * 349_525}, "1048576"),
    ],
)
def test_a_wrong_parameter_is_refused(expression: str, params: dict[str, Any], words: str) -> None:
    """The message names the parameter, and what may be bound."""
    with pytest.raises(InvalidInput, match=re.escape(words)) as caught:
        render(Filter(expression, params))

    assert len(caught.value.message) < 300
    assert caught.value.reason == "INVALID_FILTER"
