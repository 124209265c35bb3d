"""What the guard must know about a customer's catalogue, as plain facts; `directflow_gateway.catalogue` fetches them.

"The customer's" are all objects that were not there when the cluster was made (OIDs from 16384), extensions' included.
What is absent from the facts is PostgreSQL's own, or can run no function.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

FIRST_OF_CUSTOMER = 16384
"""PostgreSQL's FirstNormalObjectId: everything below is its own, whatever schema it is in, and nothing above is."""


@dataclass(frozen=True, slots=True)
class NodeObjects:
    """The objects (OIDs) that a stored or printed query tree of PostgreSQL names."""

    functions: frozenset[int] = frozenset()
    operators: frozenset[int] = frozenset()
    relations: frozenset[int] = frozenset()
    types: frozenset[int] = frozenset()
    """Only the customer's."""
    read_types: frozenset[int] = frozenset()
    """Types of values that are only read: columns of tables and of subqueries. No CHECK of such a domain runs."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A function of PostgreSQL's own."""

    name: str
    volatility: str
    """provolatile: "i", "s" or "v"."""


@dataclass(frozen=True, slots=True)
class FunctionFact:
    """A function of the customer's or of an extension: a row of pg_proc."""

    oid: int
    schema: str
    name: str
    volatility: str
    extension: str = ""
    """Name of the extension that owns it, or ""."""
    required_arguments: int = 0
    """Arguments without a default: a function that can do with one can be called as `row.function`."""


@dataclass(frozen=True, slots=True)
class OperatorFact:
    """An operator of the customer's or of an extension. It is as harmless as its function."""

    oid: int
    schema: str
    name: str
    function: int


@dataclass(frozen=True, slots=True)
class CastFact:
    """A cast by a function that is not PostgreSQL's. An implicit one runs where nobody has written a cast."""

    source: int
    target: int
    target_name: str
    function: int
    implicit: bool


@dataclass(frozen=True, slots=True)
class TypeFact:
    """A type that can run a function: a domain with a CHECK, one with a customer's cast, and whatever contains one."""

    oid: int
    schema: str
    name: str
    parts: frozenset[int] = frozenset()
    """The types of this kind that it is made of: a domain's base, a row's columns, an array's element."""
    checks: NodeObjects = NodeObjects()
    """What a domain's CHECK constraints call."""


@dataclass(frozen=True, slots=True)
class RelationFact:
    """A relation that is more than a plain table.

    Views, foreign tables and what inherits them, tables with row security, and relations with columns of TypeFact's.
    """

    oid: int
    schema: str
    name: str
    kind: str
    """relkind: "r", "v", "m", "f", "p"."""
    row_type: int = 0
    children: frozenset[int] = frozenset()
    """Its partitions and inheriting tables that are or reach a foreign table: a SELECT of this one reads them too."""
    rules: NodeObjects = NodeObjects()
    """What a view's rewrite rule and the table's row security policies call and read."""


class Named(Protocol):
    """Anything with an OID, a schema and a name."""

    @property
    def oid(self) -> int: ...
    @property
    def schema(self) -> str: ...
    @property
    def name(self) -> str: ...


F = TypeVar("F", bound=Named)


class Facts(Generic[F]):
    """Facts of one kind, found by OID or by name. A name may belong to several: overloads, or several schemas."""

    def __init__(self, facts: Iterable[F] = ()) -> None:
        self.by_oid: Mapping[int, F] = {fact.oid: fact for fact in facts}
        by_name: dict[str, list[F]] = {}
        for fact in self.by_oid.values():
            by_name.setdefault(fact.name, []).append(fact)
        self._by_name = by_name

    def named(self, name: str, schema: str = "") -> list[F]:
        """The facts with this name; all schemas when `schema` is ""."""
        return [fact for fact in self._by_name.get(name, ()) if schema in ("", fact.schema)]


@dataclass(frozen=True)
class CatalogueFacts:
    """One customer database, as far as the guard is concerned, at one moment."""

    built_in: Mapping[int, BuiltIn] = field(default_factory=dict)
    functions: Facts[FunctionFact] = field(default_factory=Facts)
    operators: Facts[OperatorFact] = field(default_factory=Facts)
    casts: tuple[CastFact, ...] = ()
    types: Facts[TypeFact] = field(default_factory=Facts)
    relations: Facts[RelationFact] = field(default_factory=Facts)
    search_path: tuple[str, ...] = ()
    """current_schemas(true) of the session that loaded the facts."""
