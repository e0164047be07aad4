"""The words of a filter → the expression in the spelling that Milvus reads.

A filter is operand, operator, operand, …: this order is checked here, and each `{name}` gets its
value. The operands of `not` and `exists` are put in parentheses, because the stores disagree: to
Milvus Lite `not year == 1990` is `not (year == 1990)`, as everywhere else, and to a Milvus server
`(not year) == 1990`, which is an error; to Milvus 2.3 `exists a and b` is `exists (a and b)`.
"""

from collections.abc import Mapping, Sequence

from tihua_server.milvus.filter_literals import membership
from tihua_server.milvus.filter_operands import COLUMNS, Operands
from tihua_server.milvus.filter_tokens import Token, Words, expected, invalid

MAX_OPERATORS = 256
"""Operators in one expression: the parser of Milvus Lite recurses, and Python's stack is finite."""

MAX_DEPTH = 32
"""Parentheses within parentheses, for the same reason."""

MAX_PATTERN_CHARS = 4_096
"""Length of a `like` pattern: Milvus Lite compares all of it at each position of a text."""

_SIGNS = frozenset({"-", "+"})
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})
_BINARIES = _COMPARISONS | _ARITHMETIC | {"and", "or"}
_CONJUNCTIONS = frozenset({"and", "or", "not"})
_ENDS = frozenset({"and", "or", ",", ")"})
"""Words that end the operand of a `not`."""
_BY_ITEM_REMEDY = (
    "with the embedded store each value of a list counts if the filter looks into a key or calls a "
    "function: use fewer values, or store what it looks at under a key of its own"
)


class FilterReader:
    """Reads the words of one filter."""

    def __init__(self, words: Sequence[Token], params: Mapping[str, object], *, lite: bool) -> None:
        self._words = Words(words)
        self._operands = Operands(self._words, params, lite=lite)
        self._lite = lite
        self._written: list[str] = []
        self._open: list[Token] = []
        self._operators = 0
        self._has_functions = False
        self._lone_field_at = -1
        self._lone_field: Token | None = None
        self._compared: Token | None = None

    @property
    def used(self) -> set[str]:
        """Names of the parameters that were read."""
        return self._operands.used

    def read(self) -> str:
        """Return the expression; empty for no words.

        Raises:
            InvalidInput: the words are not a boolean expression; a parameter is unbound, or bound
                to something that is not a value.
        """
        if not self._words.is_at_end():
            self._operand()
            while self._operator():
                self._operand()
        # Milvus Lite evaluates a whole filter in Python, item by item, if any part needs that.
        if self._lite and (self._has_functions or self._operands.has_nested_keys):
            self._count(self._operands.listed, _BY_ITEM_REMEDY)
        return " ".join(self._written)

    def _operand(self) -> None:
        """Read prefixes, parentheses and names of functions, then a field or a value."""
        while True:
            word = self._words.take("a field or a value")
            if word.text in _SIGNS:
                self._write_operator(word.text)
            elif word.text == "not":
                self._write_operator(word.text)
                if not self._is_closed_ahead():
                    self._enter(Token("implied", word.text, word.position), "(")
            elif word.text == "exists":
                self._enter(Token("implied", word.text, word.position), "(")
                self._write_operator(word.text)
            elif word.text == "(":
                self._enter(word, "(")
            elif word.kind == "name" and self._words.sees("("):
                self._words.take("(")
                self._enter(word, f"{word.text}(")
                self._has_functions = True
            else:
                self._written.append(self._operands.field_or_value(word))
                if word.kind == "name":
                    self._note_field(word)
                self._close_implied("exists")
                return

    def _operator(self) -> bool:
        """Read what follows an operand; return whether another operand must follow."""
        while not self._words.is_at_end():
            word = self._words.take("an operator")
            if word.text in _ENDS:
                self._close_implied("not", "exists")
            if word.text == ")" and self._open:
                self._close()
            elif word.text == "," and self._open and self._open[-1].kind == "name":
                self._written.append(",")
                return True
            elif word.text == "%" and self._lite:
                raise invalid(
                    "Milvus Lite does not know '%': store the remainder as a key", word.position
                )
            elif word.text in _BINARIES:
                if word.text in _COMPARISONS:
                    self._compared = self._lone_field if self._is_after_lone_field() else None
                self._write_operator(word.text)
                return True
            elif word.text in {"is", "in", "not", "like"}:
                self._test(word.text)
            elif word.text == ")":
                raise invalid("')' closes nothing", word.position)
            else:
                raise expected("an operator", word)
        self._close_implied("not", "exists")
        if self._open:
            raise invalid("the parenthesis is not closed", self._open[-1].position)
        return False

    def _test(self, word: str) -> None:
        """Read `is null`, `is not null`, `in […]`, `not in […]` or `like "…"` after an operand."""
        if word == "is":
            negation = ""
            if self._words.sees("not"):
                negation = f"{self._words.take('null').text} "
            self._write_operator(f"is {negation}{self._words.take_only('null').text}")
            return
        if word != "like":
            self._membership(word)
            return
        self._write_operator(word)
        value = self._words.take("a string")
        written = "" if value.kind == "name" else self._operands.field_or_value(value)
        if not written.startswith('"'):
            raise expected("a string after 'like'", value)
        if len(written) > MAX_PATTERN_CHARS + 2:
            raise invalid(
                f"the pattern of 'like' is longer than {MAX_PATTERN_CHARS} characters",
                value.position,
            )
        self._written.append(written)

    def _membership(self, word: str) -> None:
        """Read `in […]` or `not in […]`; `word` is its first."""
        if word == "not":
            word = f"not {self._words.take_only('in').text}"
        follows_key = self._is_after_lone_field() and self._written[-1] not in COLUMNS
        self._write_operator(word)
        values, written = self._operands.list_after(word)
        if self._lite and follows_key:
            field, _ = self._written[-2:]
            self._written[-2:] = [membership(field, values, is_negated=word != "in")]
            self._lone_field_at = -1
        else:
            self._written.append(written)

    def _note_field(self, field: Token) -> None:
        """Remember the field just written if it is the whole left operand of the next operator.

        Raises:
            InvalidInput: another field is compared with it, or with the arithmetic that it starts,
                and they are not both columns. Nearly always a text was meant, such as my-trip:
                Milvus Lite finds nothing if there is no such key, and a Milvus server fails even if
                there is one.
        """
        before = "".join(self._written[-2:-1])
        if before in _COMPARISONS and self._compared:
            self._check_columns(self._compared, field)
        is_lone = not before or before.endswith(("(", *_CONJUNCTIONS))
        self._lone_field_at = len(self._written) - 1 if is_lone else -1
        self._lone_field = field

    def _is_after_lone_field(self) -> bool:
        return self._lone_field_at == len(self._written) - 1

    def _check_columns(self, left: Token, right: Token) -> None:
        is_whole = not self._words.sees(*_ARITHMETIC)
        if is_whole and {left.text, right.text} <= COLUMNS:
            return
        text = right.text[:40] if is_whole and right.text != "$meta" else "…"
        raise invalid(
            f"{left.text[:40]!r} and {right.text[:40]!r} are both fields, and a key compares with "
            f'values only: write a text in quotes, "{text}", or as a parameter',
            right.position,
        )

    def _is_closed_ahead(self) -> bool:
        """Return whether the operand of a `not` is another `not`, or is all in parentheses."""
        if not self._words.sees("("):
            return self._words.sees("not")
        depth = 0
        ahead = self._words.ahead()
        for word in ahead:
            depth += {"(": 1, ")": -1}.get(word.text, 0)
            if depth == 0:
                follower = next(ahead, None)
                return follower is None or follower.text in _ENDS
        return True

    def _enter(self, word: Token, written: str) -> None:
        if len(self._open) == MAX_DEPTH:
            raise invalid(f"the parentheses go deeper than {MAX_DEPTH}", word.position)
        self._open.append(word)
        self._written.append(written)

    def _close(self) -> None:
        """Close a parenthesis; remove one that holds only a field."""
        self._open.pop()
        field = self._lone_field if self._is_after_lone_field() else None
        if field is not None and self._written[-2] == "(":
            del self._written[-2]
            self._note_field(field)
        else:
            self._written.append(")")
        self._close_implied("exists")

    def _close_implied(self, *prefixes: str) -> None:
        """Close the parentheses that were added after these prefixes."""
        while self._open and self._open[-1].kind == "implied" and self._open[-1].text in prefixes:
            self._open.pop()
            self._written.append(")")

    def _write_operator(self, text: str) -> None:
        self._count(1, "for many values of one key write `key in {values}`")
        self._written.append(text)

    def _count(self, operators: int, remedy: str) -> None:
        self._operators += operators
        if self._operators > MAX_OPERATORS:
            raise invalid(f"the filter has more than {MAX_OPERATORS} operators: {remedy}")
