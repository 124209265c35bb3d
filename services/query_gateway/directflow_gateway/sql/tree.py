"""PostgreSQL's syntax tree as plain, linked nodes, and ways to walk it that never recurse."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Scalar = bool | int | float | str

Shape = Mapping[str, Mapping[str, str]]
"""For each node type, its fields that hold nodes: field name to type; "Node" where the JSON names the type itself."""


class TooDeepError(Exception):
    """The tree has more levels than the limits allow."""


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """One node of libpg_query's JSON tree. `tag` is PostgreSQL's name of its type ("A_Expr", "ColumnRef").

    Treat it as read-only. It compares by identity, and its repr shows no content: a tree holds the author's literals.
    """

    tag: str
    role: str
    """The field of the parent that this node is in ("whereClause")."""
    parent: "Node | None"
    scalars: dict[str, Scalar] = field(default_factory=dict)
    links: dict[str, list["Node"]] = field(default_factory=dict)
    has_location: bool = False

    def __repr__(self) -> str:
        return f"<Node {self.tag}>"

    def one(self, name: str) -> "Node | None":
        """The node in field `name`, or None."""
        found = self.links.get(name)
        return found[0] if found else None

    def many(self, name: str) -> list["Node"]:
        """The nodes in list field `name`."""
        return self.links.get(name, [])

    def text(self, name: str) -> str:
        """The string or enum in field `name`; "" when it is not set."""
        value = self.scalars.get(name, "")
        return value if isinstance(value, str) else ""

    def flag(self, name: str) -> bool:
        """The boolean in field `name`; PostgreSQL leaves false out of its output."""
        return bool(self.scalars.get(name, False))

    def number(self, name: str) -> int:
        """The integer in field `name`; PostgreSQL leaves 0 out of its output."""
        value = self.scalars.get(name, 0)
        return value if isinstance(value, int) else 0

    def names(self, name: str) -> tuple[str, ...]:
        """The strings of a qualified name in field `name` ("funcname", "names"): ("pg_catalog", "int4")."""
        return tuple(node.text("sval") for node in self.many(name) if node.tag == "String")

    @property
    def location(self) -> int:
        """Byte offset in the parsed text, of this node or else of the closest ancestor that has one; -1 for none."""
        node: Node | None = self
        while node is not None:
            if node.has_location and node.scalars.get("location", 0) != -1:
                return node.number("location")
            node = node.parent
        return -1

    def ancestors(self) -> Iterator["Node"]:
        """The parent, its parent, and so on."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def walk(self) -> Iterator["Node"]:
        """This node and everything below it, in the order of the text for most nodes."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            for children in reversed(node.links.values()):
                waiting.extend(reversed(children))


@dataclass(frozen=True, slots=True, repr=False)
class ParseTree:
    """What a text parses to: its statements (there may be none, or several: the guard wants exactly one)."""

    text: str
    statements: tuple[Node, ...]
    """RawStmt nodes; the statement itself is `.one("stmt")`."""

    def nodes(self) -> Iterator[Node]:
        """Every node of every statement."""
        for statement in self.statements:
            yield from statement.walk()

    def char_offset(self, byte_offset: int) -> int:
        """A node's location (bytes of UTF-8) as an index into `text`; -1 for none."""
        if byte_offset < 0 or self.text.isascii():
            return byte_offset
        return len(self.text.encode()[:byte_offset].decode("utf-8", "replace"))

    def extent(self, statement: Node) -> tuple[int, int]:
        """Start and end (characters) of a RawStmt in `text`, without its semicolon."""
        start = statement.number("stmt_location")
        length = statement.number("stmt_len")
        end = self.char_offset(start + length) if length else len(self.text)
        return self.char_offset(start), end


def build(raw: Json, shape: Shape, max_depth: int) -> tuple[Node, ...]:
    """The RawStmt nodes of libpg_query's JSON document. Raises TooDeepError beyond `max_depth` levels."""
    statements = raw.get("stmts") if isinstance(raw, dict) else None
    roots = []
    for content in statements if isinstance(statements, list) else []:
        root = Node("RawStmt", "", None)
        _fill(root, content, shape, max_depth)
        roots.append(root)
    return tuple(roots)


def _fill(root: Node, content: Json, shape: Shape, max_depth: int) -> None:
    waiting: list[tuple[Node, Json, int]] = [(root, content, 1)]
    while waiting:
        node, fields, depth = waiting.pop()
        if depth > max_depth:
            raise TooDeepError
        typed = shape.get(node.tag, {})
        node.has_location = "location" in typed
        for name, value in fields.items() if isinstance(fields, dict) else ():
            if isinstance(value, (dict, list)):
                node.links.setdefault(name, [])
                for child, child_fields in _children(node, name, value, typed.get(name, "Node")):
                    node.links[name].append(child)
                    waiting.append((child, child_fields, depth + 1))
            elif value is not None:
                node.scalars[name] = value


def _children(parent: Node, name: str, value: Json, kind: str) -> Iterator[tuple[Node, Json]]:
    for item in value if isinstance(value, list) else [value]:
        if kind != "Node":
            yield Node(kind, name, parent), item
        elif isinstance(item, dict) and item:
            # An empty object in a list is PostgreSQL's NULL: the whole of a plain DISTINCT's list is one.
            tag, fields = next(iter(item.items()))
            yield Node(tag, name, parent), fields
