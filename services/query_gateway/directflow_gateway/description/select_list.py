"""The select list that names a statement's columns, and where in the text each of them is written."""

from collections.abc import Sequence
from dataclasses import dataclass

from directflow_gateway.sql.column_names import output_name
from directflow_gateway.sql.parser import ParseFailure, parse, scan
from directflow_gateway.sql.set_form.semi_join import LIMITS
from directflow_gateway.sql.tree import Node, ParseTree

UNNAMED = "?column?"
"""What PostgreSQL calls a column that has no name; other kinds of expression get names as unreliable."""
_OUTER_ALIAS = "_df_q"
"""What the query around a moved window condition calls the author's (sql/window_alias.py)."""


@dataclass(frozen=True, slots=True, repr=False)
class SelectList:
    """The outermost select list of one SELECT; of a UNION that of its first branch."""

    tree: ParseTree
    select: Node
    offset: int
    """Of its SELECT, in characters of the text."""

    @property
    def targets(self) -> Sequence[Node]:
        """The items of the list; a star is one."""
        return self.select.many("targetList")

    @property
    def has_star(self) -> bool:
        """Whether the text does not tell the columns."""
        return any(star_of(target) is not None for target in self.targets)

    @property
    def names(self) -> list[str]:
        """The names that the text tells, for a list without a star."""
        return [output_name(target) or UNNAMED for target in self.targets]

    def place(self, index: int, name: str) -> int:
        """Where the column is written: its item, or the star that brings it; the SELECT for an index below 0."""
        if index < 0:
            return self.offset
        if not self.has_star:
            return self._offset_of(self.targets[index : index + 1])
        named = [target for target in self.targets if output_name(target) == name]
        return self._offset_of(named or [target for target in self.targets if star_of(target) is not None])

    def _offset_of(self, targets: Sequence[Node]) -> int:
        return self.tree.char_offset(targets[0].location) if targets else self.offset


def select_list_of(text: str) -> SelectList | None:
    """The select list of a text; None when it is not one SELECT."""
    tree, tokens = parse(text, LIMITS), scan(text, LIMITS)
    if isinstance(tree, ParseFailure) or isinstance(tokens, ParseFailure) or len(tree.statements) != 1:
        return None
    statement = tree.statements[0].one("stmt")
    if statement is None or statement.tag != "SelectStmt":
        return None
    select = outermost(statement)
    targets = select.many("targetList")
    behind = tree.char_offset(targets[0].location) if targets else len(text)
    starts = [token.start for token in tokens if token.kind == "SELECT" and token.start <= behind]
    return SelectList(tree, select, starts[-1] if starts else 0)


def outermost(statement: Node) -> Node:
    """The author's SELECT that names the result's columns."""
    select = first_branch(statement)
    sources = select.many("fromClause")
    if len(sources) == 1 and sources[0].tag == "RangeSubselect" and alias_of(sources[0]) == _OUTER_ALIAS:
        moved = sources[0].one("subquery")
        return first_branch(moved) if moved is not None else select
    return select


def first_branch(select: Node) -> Node:
    """The first SELECT of a UNION, INTERSECT or EXCEPT."""
    while (left := select.one("larg")) is not None:
        select = left
    return select


def alias_of(source: Node) -> str:
    """The alias of something in FROM; "" without one."""
    alias = source.one("alias")
    return alias.text("aliasname") if alias is not None else ""


def star_of(target: Node) -> Node | None:
    """The `*` or `u.*` that an item of a select list is."""
    value = target.one("val")
    if value is None or value.tag != "ColumnRef":
        return None
    return value if any(part.tag == "A_Star" for part in value.many("fields")) else None
