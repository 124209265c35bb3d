"""The second layer of the guard: what the names in a statement may mean in the customer's catalogue.

Two answers to the same question. `check_references` decides by name, conservatively, from facts that are kept: a name
that a customer's object shares is refused, although the statement may mean PostgreSQL's own. `check_resolved` is exact,
from the query tree that the server itself prints for the statement; it costs a round trip and an entry in the server's
log, so it is asked only where the first one refuses.
"""

from collections.abc import Iterable, Iterator

from directflow_runtime.errors import Problem

from directflow_gateway.sql.allowance import Allowance
from directflow_gateway.sql.catalogue import CatalogueFacts, FunctionFact, NodeObjects
from directflow_gateway.sql.guard.function_names import is_built_in, is_of_information_schema
from directflow_gateway.sql.reach import Reach
from directflow_gateway.sql.references import Reference, References

_ALLOW = "If it only reads, add it to the connection's allowed_functions."
_ALLOW_NAMED = 'If that only reads, add "{}" to the connection\'s allowed_functions.'
_RESOLVABLE = frozenset(
    {
        "FUNCTION_NAME_SHARED",
        "ATTRIBUTE_NAME_SHARED",
        "OPERATOR_NAME_SHARED",
        "CAST_RUNS_FUNCTION",
        "RELATION_NOT_ALLOWED",
    }
)


def check_references(
    references: References, facts: CatalogueFacts, allowed_functions: Iterable[str] = ()
) -> list[Problem]:
    """What may run a function that the connection does not allow, judged by the names alone; empty when nothing may."""
    checker = _NameChecker(facts, Allowance.of(allowed_functions))
    return [
        *checker.functions(references.functions),
        *checker.attributes(references.attributes),
        *checker.operators(references.operators),
        *checker.types((*references.types, *references.functions)),
        *checker.relations(references.relations),
        *checker.implicit_casts(),
    ]


def may_be_resolved(problems: Iterable[Problem]) -> bool:
    """Whether these problems of check_references may come from a shared name only, so that the server is worth asking.

    Not where a type's CHECK is refused: the server runs it while it parses a literal of an array or a row of it.
    """
    return all(problem.rule in _RESOLVABLE for problem in problems)


def check_resolved(
    resolved: Iterable[NodeObjects], facts: CatalogueFacts, allowed_functions: Iterable[str] = ()
) -> list[Problem]:
    """What the statement runs and the connection does not allow, by the server's own rewritten query trees.

    `resolved` are `node_tree.objects_in` of every tree that the server printed for the statement under
    debug_print_rewritten: views and row security policies are expanded in them. Problems have no position.
    """
    reach = Reach(facts, Allowance.of(allowed_functions))
    trees = list(resolved)
    if not trees:
        # A server or a pooler that keeps the trees to itself: then the answer by name stands, which is a refusal.
        return [_problem("NAMES_NOT_RESOLVED", "The server did not say what the statement's names mean.")]
    return [problem for objects in trees for problem in _resolved_problems(objects, facts, reach)]


def _resolved_problems(objects: NodeObjects, facts: CatalogueFacts, reach: Reach) -> Iterator[Problem]:
    refused = (
        reach.refused_in(objects)
        or reach.refused_by_check(objects.types)
        or reach.refused_by_cast(objects.types, only_hidden=True)
        or reach.refused_by_reading(objects.read_types)
    )
    if refused:
        yield _problem("FUNCTION_NOT_ALLOWED", f"The statement calls {refused}, which is not allowed.")
    for oid in sorted(objects.relations):
        relation = facts.relations.by_oid.get(oid)
        if relation is not None and (reached := reach.refused_by_relation(oid, columns=False)):
            yield _problem("RELATION_NOT_ALLOWED", f"{relation.schema}.{relation.name} reaches {reached}.")


def _problem(rule: str, message: str) -> Problem:
    return Problem(rule, message, field="template", hint=_ALLOW)


class _NameChecker:
    def __init__(self, facts: CatalogueFacts, allowance: Allowance) -> None:
        self._facts = facts
        self._reach = Reach(facts, allowance)

    def functions(self, references: Iterable[Reference]) -> Iterator[Problem]:
        for reference in references:
            refused = self._refused_functions(reference)
            if refused:
                yield reference.position.problem(*_shared_function(reference.name, refused[0]))

    def attributes(self, references: Iterable[Reference]) -> Iterator[Problem]:
        for reference in references:
            callable_by_one = [f for f in self._refused_functions(reference) if f.required_arguments <= 1]
            if callable_by_one:
                shown = f"{callable_by_one[0].schema}.{reference.name}"
                yield reference.position.problem(
                    "ATTRIBUTE_NAME_SHARED",
                    f'".{reference.name}" may call the function {shown}, which is not allowed.',
                    f"If it is a column, write {reference.name} alone, without the prefix. "
                    f"{_ALLOW_NAMED.format(shown)}",
                )

    def operators(self, references: Iterable[Reference]) -> Iterator[Problem]:
        for reference in references:
            if reference.schema == "pg_catalog":
                continue
            candidates = self._facts.operators.named(reference.name, reference.schema)
            refused = next(filter(None, (self._reach.refused_operator(fact.oid) for fact in candidates)), "")
            if refused:
                yield reference.position.problem(
                    "OPERATOR_NAME_SHARED",
                    f"Operator {reference.name} may call {refused}, which is not allowed.",
                    f'{_ALLOW_NAMED.format(refused)} Or allow the operator: "operator:{reference.name}".',
                )

    def types(self, references: Iterable[Reference]) -> Iterator[Problem]:
        for reference in references:
            oids = [fact.oid for fact in self._facts.types.named(reference.name, reference.schema)]
            by_cast = self._reach.refused_by_cast(oids) or self._reach.refused_cast_to(reference.name)
            for rule, refused in (
                ("TYPE_RUNS_FUNCTION", self._reach.refused_by_check(oids)),
                ("CAST_RUNS_FUNCTION", by_cast),
            ):
                if refused:
                    yield reference.position.problem(
                        rule, f"A value of type {reference.name} may run {refused}.", _ALLOW_NAMED.format(refused)
                    )

    def relations(self, references: Iterable[Reference]) -> Iterator[Problem]:
        for reference in references:
            if self._is_system_by_path(reference):
                yield reference.position.problem(
                    "SYSTEM_RELATION",
                    f"{reference.name} may be a relation of information_schema, which is on the role's search_path.",
                    "If it is a table of your own, name its schema.",
                )
            oids = [fact.oid for fact in self._facts.relations.named(reference.name, reference.schema)]
            by_columns = next(filter(None, map(self._reach.refused_by_columns, oids)), "")
            refused = by_columns or next(filter(None, map(self._reach.refused_by_relation, oids)), "")
            if refused:
                rule = "COLUMN_RUNS_FUNCTION" if by_columns else "RELATION_NOT_ALLOWED"
                message = f"{reference.name} reaches {refused}, which is not allowed."
                yield reference.position.problem(rule, message, _allow_reached(refused))

    def _is_system_by_path(self, reference: Reference) -> bool:
        on_path = "information_schema" in self._facts.search_path
        return on_path and not reference.schema and is_of_information_schema(reference.name)

    def implicit_casts(self) -> Iterator[Problem]:
        refused = self._reach.refused_implicit_cast()
        if refused:
            yield _problem("CAST_RUNS_FUNCTION", f"An implicit cast in this database may run {refused}.")

    def _refused_functions(self, reference: Reference) -> list[FunctionFact]:
        if reference.schema == "pg_catalog":
            return []
        candidates = self._facts.functions.named(reference.name, reference.schema)
        return [function for function in candidates if not self._reach.is_harmless(function)]


def _shared_function(name: str, function: FunctionFact) -> tuple[str, str, str]:
    shown = f"{function.schema}.{function.name}"
    if is_built_in(name):
        hint = f"If you mean PostgreSQL's own, write pg_catalog.{name}. {_ALLOW_NAMED.format(shown)}"
        return "FUNCTION_NAME_SHARED", f"{name} may be the function {shown}, which is not allowed.", hint
    return "FUNCTION_NOT_ALLOWED", f"Function {shown} is not allowed.", _ALLOW_NAMED.format(shown)


def _allow_reached(refused: str) -> str:
    """What a view or a column reaches is a function, or a foreign table by its own kind of entry."""
    table = refused.removeprefix("foreign table ")
    return _ALLOW_NAMED.format(refused if table == refused else f"relation:{table}")
