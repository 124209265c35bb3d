"""Which names an author may have meant: what FROM brings into the statement, under which alias."""

from collections.abc import Iterator
from dataclasses import dataclass

from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.tree import Node, ParseTree


@dataclass(frozen=True, slots=True)
class Source:
    """A table, view, subquery or CTE in some FROM of the statement."""

    alias: str
    """What its columns are qualified with."""
    table: tuple[str, ...] = ()
    """Schema, if written, and name; empty for a subquery."""
    columns: tuple[str, ...] = ()
    """Of a subquery or CTE, those whose names the text tells."""
    offset: int = -1
    """Place of the table's name, in characters of the text."""


@dataclass(frozen=True, slots=True)
class Scope:
    """All sources of a statement, whatever level they are on: a hint may be wrong, the server's verdict is not."""

    sources: tuple[Source, ...] = ()
    outputs: frozenset[str] = frozenset()
    """Names that a select list gives with AS."""

    def table_at(self, offset: int) -> Source | None:
        """The source whose table name begins at this character of the text."""
        return next((source for source in self.sources if source.table and source.offset == offset), None)


def scope_of(text: str) -> Scope:
    """The scope of a statement that has been parsed before; empty when it cannot be parsed."""
    tree = parse(text)
    if isinstance(tree, ParseFailure):
        return Scope()
    targets = (node for node in tree.nodes() if node.tag == "ResTarget")
    return Scope(tuple(_sources(tree)), frozenset(node.text("name") for node in targets if node.text("name")))


def _sources(tree: ParseTree) -> Iterator[Source]:
    expressions = {node.text("ctename"): node for node in tree.nodes() if node.tag == "CommonTableExpr"}
    for node in tree.nodes():
        alias = _alias(node)
        if node.tag == "RangeSubselect":
            yield Source(alias, columns=_columns(node.one("subquery")))
        elif node.tag == "RangeVar":
            name, schema = node.text("relname"), node.text("schemaname")
            offset = tree.char_offset(node.location)
            expression = None if schema else expressions.get(name)
            if expression is not None:
                yield Source(alias or name, columns=_columns(expression.one("ctequery")), offset=offset)
            else:
                yield Source(alias or name, (schema, name) if schema else (name,), offset=offset)


def _alias(node: Node) -> str:
    alias = node.one("alias")
    return alias.text("aliasname") if alias is not None else ""


def _columns(select: Node | None) -> tuple[str, ...]:
    targets = select.many("targetList") if select is not None else []
    return tuple(filter(None, map(_column, targets)))


def _column(target: Node) -> str:
    value = target.one("val")
    reference = value.names("fields")[-1:] if value is not None and value.tag == "ColumnRef" else ()
    return target.text("name") or "".join(reference)
