"""Data sources as a collection of the document store."""

from collections.abc import Iterator
from typing import Final

from directflow_runtime.definitions.document import Document
from directflow_runtime.definitions.kind import Checked
from directflow_runtime.definitions.statement_digest import DigestedVariable, statement_digest

from directflow_segments.data_sources import DataSource, Query
from directflow_segments.definitions import wire
from directflow_segments.definitions.check import check
from directflow_segments.definitions.report import Describer, Report

COLLECTION: Final = "dataSources"


class DataSourceKind:
    """See `DefinitionKind`."""

    collection: str = COLLECTION
    title: str = "data source"
    not_found: str = "DATA_SOURCE_NOT_FOUND"

    def __init__(self, describer: Describer) -> None:
        self._describer = describer

    def read(self, document: Document) -> DataSource:
        """The definition in a document. Raises ValueError where this version cannot read it."""
        return wire.read(document)

    def write(self, definition: DataSource, checked: Checked[Report]) -> bytes:
        """The body of its document, with the report."""
        return wire.body(definition, checked.report)

    def content_type(self) -> str:
        """Media type of the body."""
        return wire.CONTENT_TYPE

    def references(self, definition: DataSource) -> tuple[str, ...]:
        """The connection: it cannot be deleted while a data source runs over it."""
        return (definition.connection,)

    def statements(self, definition: DataSource) -> Iterator[bytes]:
        """Digests of the statements that are sent to the gateway for it."""
        return (digest(definition.query(role)) for role in definition.roles)

    async def check(self, definition: DataSource, before: DataSource | None) -> Checked[Report]:
        """Everything that is wrong with it."""
        return await check(definition, self._describer)

    def settle(self, definition: DataSource, before: Document | None) -> DataSource:
        """Nothing of a data source is decided here."""
        return definition


def digest(query: Query) -> bytes:
    """Of exactly what `gateway` sends for this query: one tag more or less, and the gateway would refuse to run it."""
    variables = [DigestedVariable(v.name, v.kind.value, v.is_list) for v in query.variables]
    return statement_digest(query.connection, query.role.value, query.template, variables)
