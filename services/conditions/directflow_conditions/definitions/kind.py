"""Conditions, as the life of a resource sees them."""

from collections.abc import Iterable

from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.document import Document
from directflow_runtime.definitions.kind import Checked
from directflow_runtime.definitions.statement_digest import DigestedVariable, statement_digest

from directflow_conditions.condition import Condition, SqlQuery
from directflow_conditions.definitions import wire
from directflow_conditions.definitions.definition import Definition
from directflow_conditions.definitions.expression_check import Catalogue, check_expression, named_in
from directflow_conditions.definitions.report import Describer, Report
from directflow_conditions.definitions.sql_check import check_sql
from directflow_conditions.expressions.plan import EXPRESSIONS

ROLE = "condition"
"""Of its statement, as the gateway names it."""


class ConditionKind:
    """What Resources needs to know of conditions."""

    collection = "conditions"
    title = "condition"
    not_found = "CONDITION_NOT_FOUND"

    def __init__(self, cache: DefinitionCache[Definition], catalogue: Catalogue, describer: Describer) -> None:
        self._cache = cache
        self._catalogue = catalogue
        self._describer = describer

    def read(self, document: Document) -> Definition:
        """Raises ValueError where this version cannot read it."""
        return wire.definition_in(document)

    def write(self, definition: Definition, checked: Checked[Report]) -> bytes:
        """What the author wrote, with the report."""
        return wire.body_of(definition, checked.report)

    def content_type(self) -> str:
        """Media type of the body."""
        return wire.CONTENT_TYPE

    def references(self, definition: Definition) -> Iterable[str]:
        """The connection, or the conditions that an expression names; those of the settings file are no documents."""
        return (name for name in _used_by(definition.condition) if not self._cache.is_fixed(name))

    def statements(self, definition: Definition) -> Iterable[bytes]:
        """Of a condition over SQL: its one statement, exactly as it is sent."""
        query = definition.condition.definition
        if isinstance(query, SqlQuery):
            variables = [DigestedVariable(one.name, one.kind.value, one.is_list) for one in query.variables]
            yield statement_digest(query.connection, ROLE, query.sql, variables)

    async def check(self, definition: Definition, before: Definition | None) -> Checked[Report]:
        """Everything at once. A predicate on engagement is checked where it is read: nothing else is asked of it."""
        report = await self._report(definition.condition)
        return Checked(report.problems, report)

    def settle(self, definition: Definition, before: Document | None) -> Definition:
        """As the author wrote it."""
        return definition

    async def _report(self, condition: Condition) -> Report:
        match condition.definition:
            case SqlQuery() as query:
                return await check_sql(condition, query, self._describer)
            case expression if isinstance(expression, EXPRESSIONS):
                return Report(tuple(await check_expression(condition, expression, self._catalogue)))
            case _:
                return Report()


def _used_by(condition: Condition) -> Iterable[str]:
    match condition.definition:
        case SqlQuery(connection):
            yield connection
        case expression if isinstance(expression, EXPRESSIONS):
            yield from (name for _, name in named_in(expression))
        case _:
            return
