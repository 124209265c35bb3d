"""WHERE may name the alias of a window function: the condition moves to an outer query (QUALIFY, elsewhere).

    SELECT id, rank() OVER (ORDER BY score) AS r FROM users WHERE active AND r <= 10 ORDER BY score LIMIT 5

becomes, around the author's own text,

    SELECT "id", "r" FROM (SELECT id, rank() OVER (ORDER BY score) AS r, score AS _df_h1 FROM users WHERE active
    ) AS _df_q WHERE r <= 10 ORDER BY _df_h1 LIMIT 5

It is tried only after the server has said that there is no such column; what does not fit stays the server's error.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from directflow_gateway.sql.column_names import output_name
from directflow_gateway.sql.limits import HARD_MAX_SQL_BYTES, HARD_MAX_TOKENS, TextLimits
from directflow_gateway.sql.outline import Outline, Span, outline
from directflow_gateway.sql.parser import ParseFailure, Token, parse, scan
from directflow_gateway.sql.source_map import Insert, Keep, Part
from directflow_gateway.sql.statement import CompiledStatement
from directflow_gateway.sql.tree import Node, ParseTree
from directflow_gateway.sql.wrapping import identifier

# The bound text is a little longer than the template, which was measured against the limits of its author.
_LIMITS = TextLimits(max_sql_bytes=HARD_MAX_SQL_BYTES, max_tokens=HARD_MAX_TOKENS)


def rewrite_window_alias(compiled: CompiledStatement, missing: Collection[str] = ()) -> CompiledStatement | None:
    """The statement with its conditions on window functions' aliases moved outward, or None when that does not fit.

    `missing` are the names that the server did not find; with none given, every alias of a window function counts.
    The result has the author's columns, names and order.
    """
    tree, tokens = parse(compiled.text, _LIMITS), scan(compiled.text, _LIMITS)
    if isinstance(tree, ParseFailure) or isinstance(tokens, ParseFailure):
        return None
    parts = moved_outward(tree, tokens, compiled.body_end, missing)
    return compiled.rearranged(parts) if parts else None


def window_aliases(tree: ParseTree) -> frozenset[str]:
    """Aliases in the statement's own select list whose expressions call a window function."""
    select = _plain_select(tree)
    targets = select.many("targetList") if select else []
    return frozenset(target.text("name") for target in targets if target.text("name") and _is_windowed(target))


def moved_outward(
    tree: ParseTree, tokens: Sequence[Token], end: int, missing: Collection[str] = ()
) -> list[Part] | None:
    """The parts that make up the rewritten text; None when nothing is to move, or the statement does not fit."""
    select = _plain_select(tree)
    aliases = window_aliases(tree)
    aliases = aliases & frozenset(missing) if missing else aliases
    places = outline(tokens, end)
    if select is None or places is None or not aliases:
        return None
    if len(places.sort_items) != len(select.many("sortClause")):
        return None
    try:
        return _Mover(tree, tokens, select, places, aliases, end).parts()
    except _DoesNotFitError:
        return None


class _DoesNotFitError(Exception):
    """The statement has something that would mean something else, or nothing, in an outer query."""


@dataclass(slots=True, repr=False)
class _Mover:
    tree: ParseTree
    tokens: Sequence[Token]
    select: Node
    places: Outline
    aliases: frozenset[str]
    end: int
    hidden: list[Span] = field(default_factory=list)
    """Expressions that the outer query needs and the author's select list lacks."""

    def parts(self) -> list[Part] | None:
        named = [self._place(node) for node in self._nodes("whereClause") if self._is_alias(node)]
        moved = [span for span in self.places.conjuncts if any(span.start <= place < span.end for place in named)]
        if not moved:
            return None
        kept = [span for span in self.places.conjuncts if span not in moved]
        conditions = [list(self._condition(span)) for span in moved]
        tail = list(self._tail())
        before = f"SELECT {self._columns()} FROM (\n"  # noqa: S608 (the author's own column names, quoted)
        return [
            Insert(before, 0),
            Keep(0, self.places.list_end),
            *self._hidden_columns(),
            Keep(self.places.list_end, self.places.where.start),
            *self._kept(kept),
            Keep(self.places.where.end, self.places.tail),
            Insert("\n) AS _df_q\nWHERE ", moved[0].start),
            *_joined(conditions, "\nAND "),
            *([Insert("\n", self.places.tail)] if tail else []),
            *tail,
        ]

    def _kept(self, kept: list[Span]) -> Iterator[Part]:
        if kept:
            yield Insert("WHERE ", self.places.where.start)
            yield from _joined([[Keep(span.start, span.end)] for span in kept], "\nAND ")

    def _condition(self, span: Span) -> Iterator[Part]:
        nodes = [node for node in self._nodes("whereClause") if span.start <= self._place(node) < span.end]
        if any(node.tag in ("SubLink", "A_Star") for node in nodes):
            # In an outer query the names in a subquery, and whole rows, may mean something else.
            raise _DoesNotFitError
        place = span.start
        for node in sorted((node for node in nodes if node.tag == "ColumnRef"), key=self._place):
            if not self._is_alias(node):
                written = self._span(node)
                yield Keep(place, written.start)
                yield Insert(self._carried(node, written), written.start)
                place = written.end
        yield Keep(place, span.end)

    def _tail(self) -> Iterator[Part]:
        place = self.places.tail
        for item, written in zip(self.select.many("sortClause"), self.places.sort_items, strict=True):
            node = item.one("node")
            if node is not None and not self._is_of_list(node):
                yield Keep(place, written.start)
                yield Insert(self._carried(node, written), written.start)
                place = written.end
        if place < self.end:
            yield Keep(place, self.end)

    def _is_of_list(self, node: Node) -> bool:
        """Whether ORDER BY means a column of the select list: by its number, or by its name, which comes first."""
        if node.tag == "A_Const":
            return True
        name = _single_name(node)
        return name != "" and (name in self._names() or self._star_of("") is not None)

    def _carried(self, node: Node, written: Span) -> str:
        """What to write outside for an expression of the inner query."""
        if "distinctClause" in self.select.links:
            # A plain DISTINCT may stay inside as long as the condition is on its own columns: a hidden one adds rows.
            raise _DoesNotFitError
        if any(target.one("val") and _has_star(target) for target in self.select.many("targetList")):
            return self._by_name(node)
        self.hidden.append(written)
        return f"_df_h{len(self.hidden)}"

    def _by_name(self, node: Node) -> str:
        """With `u.*` in the list the names outside are not known here, but a column of u has its own name there."""
        names = node.names("fields") if node.tag == "ColumnRef" else ()
        relation = names[-2] if len(names) > 1 else ""
        if not names or self._star_of(relation) is None:
            raise _DoesNotFitError
        return identifier(names[-1])

    def _star_of(self, relation: str) -> Node | None:
        """The `*` of the select list that covers the columns of `relation`; any `*` for ""."""
        for target in self.select.many("targetList"):
            value = target.one("val")
            if value is not None and _has_star(target):
                qualifier = value.names("fields")
                if not qualifier or not relation or qualifier[-1] == relation:
                    return value
        return None

    def _columns(self) -> str:
        """The outer select list: `*` unless columns must be hidden; then each needs a name, and one of its own."""
        if not self.hidden:
            return "*"
        names = self._names()
        if "" in names or len(set(names)) != len(names):
            raise _DoesNotFitError
        return ", ".join(identifier(name) for name in names)

    def _hidden_columns(self) -> Iterator[Part]:
        for number, written in enumerate(self.hidden, 1):
            yield Insert(", ", written.start)
            yield Keep(written.start, written.end)
            yield Insert(f" AS _df_h{number}", written.start)

    def _names(self) -> list[str]:
        return [output_name(target) for target in self.select.many("targetList")]

    def _nodes(self, clause: str) -> list[Node]:
        return [node for root in self.select.many(clause) for node in root.walk()]

    def _is_alias(self, node: Node) -> bool:
        return _single_name(node) in self.aliases

    def _place(self, node: Node) -> int:
        return self.tree.char_offset(node.location)

    def _span(self, reference: Node) -> Span:
        """The characters of a column reference: its names and the dots between them."""
        start = self._place(reference)
        first = next(index for index, token in enumerate(self.tokens) if token.start == start)
        words = [token for token in self.tokens[first:] if token.kind not in ("SQL_COMMENT", "C_COMMENT")]
        return Span(start, words[2 * len(reference.many("fields")) - 2].end)


def _plain_select(tree: ParseTree) -> Node | None:
    statement = tree.statements[0].one("stmt") if len(tree.statements) == 1 else None
    if statement is None or statement.tag != "SelectStmt" or statement.text("op") != "SETOP_NONE":
        return None
    # DISTINCT ON keeps the first row of each group, and which one that is depends on the condition.
    return None if statement.many("distinctClause") or statement.many("valuesLists") else statement


def _is_windowed(target: Node) -> bool:
    return any(node.tag == "FuncCall" and node.one("over") is not None for node in target.walk())


def _single_name(node: Node) -> str:
    names = node.names("fields") if node.tag == "ColumnRef" and len(node.many("fields")) == 1 else ()
    return names[0] if names else ""


def _has_star(target: Node) -> bool:
    value = target.one("val")
    parts = (*value.many("fields"), *value.many("indirection")) if value is not None else ()
    return any(part.tag == "A_Star" for part in parts)


def _joined(groups: Sequence[Sequence[Part]], between: str) -> Iterator[Part]:
    for number, group in enumerate(groups):
        if number:
            first = group[0]
            yield Insert(between, first.start if isinstance(first, Keep) else first.at)
        yield from group
