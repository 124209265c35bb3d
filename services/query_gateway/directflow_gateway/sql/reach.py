"""What using an object of the customer's would run, and whether a connection allows it."""

from collections.abc import Iterable, Iterator

from directflow_gateway.sql.allowance import Allowance
from directflow_gateway.sql.catalogue import (
    FIRST_OF_CUSTOMER,
    CastFact,
    CatalogueFacts,
    FunctionFact,
    NodeObjects,
    RelationFact,
    TypeFact,
)
from directflow_gateway.sql.guard.denied_functions import runs_sql_text
from directflow_gateway.sql.guard.function_names import is_built_in
from directflow_gateway.sql.guard.functions import SAMPLING_METHODS
from directflow_gateway.sql.guard.trusted_extensions import TRUSTED_EXTENSIONS, UNTRUSTED_NAMES

_JSON_TYPES = (114, 3802)
"""OIDs of json and jsonb: to_json() looks up a type's cast to them and calls it, whether or not it is implicit."""


class Reach:
    """Answers for one catalogue and one connection. Every answer is a name to show ("public.f_audit"), or ""."""

    def __init__(self, facts: CatalogueFacts, allowance: Allowance) -> None:
        self._facts = facts
        self._allowance = allowance
        self._bad_casts = [cast for cast in facts.casts if self.refused_function(cast.function)]

    # --- one object ----------------------------------------------------------------------------------------------

    def refused_function(self, oid: int) -> str:
        """The function's name when it may not run, and "" when it may."""
        if oid == 0:
            # An operator that was only announced (a shell): the server refuses to use it.
            return ""
        built_in = self._facts.built_in.get(oid)
        if built_in is not None:
            return "" if self._may_run_built_in(built_in.name, built_in.volatility) else built_in.name
        function = self._facts.functions.by_oid.get(oid)
        if function is None:
            # Newer than the facts: refused until they are loaded again.
            return f"function {oid}"
        return "" if self.is_harmless(function) else f"{function.schema}.{function.name}"

    def is_harmless(self, function: FunctionFact) -> bool:
        """Whether this function may run: allowed on the connection, or of a trusted extension and not VOLATILE.

        What a customer's function declares about itself is no evidence: a STABLE one may call one that writes.
        """
        if self._allowance.function(function.schema, function.name):
            return True
        if function.extension not in TRUSTED_EXTENSIONS or function.name in UNTRUSTED_NAMES:
            return False
        return function.volatility != "v"

    def refused_operator(self, oid: int) -> str:
        """The name of the function that the operator would call and may not, or ""."""
        operator = self._facts.operators.by_oid.get(oid)
        if operator is None:
            # PostgreSQL's own operators are as harmless as they are useful; an unknown one is newer than the facts.
            return "" if oid < FIRST_OF_CUSTOMER else f"operator {oid}"
        if self._allowance.operator(operator.schema, operator.name):
            return ""
        return self.refused_function(operator.function)

    def _may_run_built_in(self, name: str, volatility: str) -> bool:
        # In a view, a policy or a CHECK, current_setting() and the like are what their owner wants to happen.
        if is_built_in(name) or name in SAMPLING_METHODS or self._allowance.may_call(name):
            return True
        return volatility != "v" and not runs_sql_text(name)

    # --- what objects reach --------------------------------------------------------------------------------------

    def refused_by_check(self, oids: Iterable[int]) -> str:
        """A refused function that making a value of one of these types runs: the CHECK of a domain within it.

        PostgreSQL makes values of literals while it parses, for domains within arrays and rows: `'(1,x)'::pair`.
        """
        return next(filter(None, (self.refused_in(fact.checks) for fact in self._types_within(oids))), "")

    def refused_by_cast(self, oids: Iterable[int], *, only_hidden: bool = False) -> str:
        """A refused function that casts from or to one of these types, or a part of them.

        With `only_hidden`, only the casts that PostgreSQL looks up at run time, which are in no query tree.
        """
        facts = self._types_within(oids)
        return next(filter(None, (self._refused_cast(fact, only_hidden) for fact in facts)), "")

    def refused_by_literal(self, oids: Iterable[int]) -> str:
        """The same for a literal that is compared with columns of these types, which the author need not name.

        A literal for a domain is one of its base type; only domains within a row or an array check while it is parsed.
        """
        return self.refused_by_check({part for oid in oids for part in self._parts_if_domain(oid)})

    def refused_by_reading(self, oids: Iterable[int]) -> str:
        """A refused function that reading values of these types runs: a column that is a domain checks nothing."""
        return self.refused_by_literal(oids) or self.refused_by_cast(oids, only_hidden=True)

    def refused_by_columns(self, oid: int) -> str:
        """A refused function that parsing a literal runs when it is compared with a column of this relation."""
        relation = self._facts.relations.by_oid.get(oid)
        row = self._facts.types.by_oid.get(relation.row_type) if relation is not None else None
        return self.refused_by_literal(row.parts) if row is not None else ""

    def _parts_if_domain(self, oid: int) -> Iterable[int]:
        fact = self._facts.types.by_oid.get(oid)
        return fact.parts if fact is not None and fact.checks != NodeObjects() else (oid,)

    def refused_by_relation(self, oid: int, *, columns: bool = True) -> str:
        """A refused function or foreign table that a SELECT of this relation reaches; views within views included.

        With `columns`, also what a value of any of its columns may run, if the statement uses it.
        """
        for relation in self._relations_within(oid):
            if relation.kind == "f" and not self._allowance.relation(relation.schema, relation.name):
                return f"foreign table {relation.schema}.{relation.name}"
            refused = self.refused_in(relation.rules)
            if columns and not refused:
                refused = self.refused_by_check([relation.row_type]) or self.refused_by_cast([relation.row_type])
            if refused:
                return refused
        return ""

    def refused_in(self, objects: NodeObjects) -> str:
        """A refused function that these objects are or call (relations aside)."""
        refused = (self.refused_function(oid) for oid in sorted(objects.functions))
        by_operator = (self.refused_operator(oid) for oid in sorted(objects.operators))
        return next(filter(None, (*refused, *by_operator)), "")

    def refused_implicit_cast(self) -> str:
        """A refused function that may run where nobody has written a cast, between PostgreSQL's own types."""
        casts = (cast for cast in self._bad_casts if cast.implicit and not self._touches_types(cast))
        return next((self.refused_function(cast.function) for cast in casts), "")

    def refused_cast_to(self, type_name: str) -> str:
        """A refused function that a written cast to a type of this name may run."""
        casts = (cast for cast in self._bad_casts if cast.target_name == type_name)
        return next((self.refused_function(cast.function) for cast in casts), "")

    def _touches_types(self, cast: CastFact) -> bool:
        return cast.source in self._facts.types.by_oid or cast.target in self._facts.types.by_oid

    def _refused_cast(self, fact: TypeFact, only_hidden: bool) -> str:
        for cast in self._bad_casts:
            hidden = cast.source == fact.oid and cast.target in _JSON_TYPES
            if hidden or (not only_hidden and fact.oid in (cast.source, cast.target)):
                return self.refused_function(cast.function)
        return ""

    def _types_within(self, oids: Iterable[int]) -> Iterator[TypeFact]:
        waiting, seen = list(oids), set()
        while waiting:
            oid = waiting.pop()
            fact = self._facts.types.by_oid.get(oid)
            if fact is not None and oid not in seen:
                seen.add(oid)
                waiting.extend(fact.parts)
                yield fact

    def _relations_within(self, oid: int) -> Iterator[RelationFact]:
        waiting, seen = [oid], set()
        while waiting:
            relation = self._facts.relations.by_oid.get(waiting.pop())
            if relation is not None and relation.oid not in seen:
                seen.add(relation.oid)
                waiting.extend(relation.children | relation.rules.relations)
                yield relation
