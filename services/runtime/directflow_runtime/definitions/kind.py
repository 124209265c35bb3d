"""What one service knows of its definitions, and nobody else does."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from directflow_runtime.definitions.document import Document
from directflow_runtime.errors import Problem, Severity

_Definition = TypeVar("_Definition")
_Report = TypeVar("_Report")


@dataclass(frozen=True, slots=True)
class Checked(Generic[_Report]):
    """What checking a definition said."""

    problems: tuple[Problem, ...]
    """All of them, the errors of which refuse it."""
    report: _Report
    """The same and more, as the service keeps and shows it."""

    @property
    def errors(self) -> list[Problem]:
        """Those that refuse it."""
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]


class DefinitionKind(Protocol[_Definition, _Report]):
    """One collection: connections, data sources or conditions."""

    collection: str
    """The part of the name before the id: "dataSources"."""
    title: str
    """For messages: "data source"."""
    not_found: str
    """The reason of the API: "DATA_SOURCE_NOT_FOUND"."""

    def read(self, document: Document) -> _Definition:
        """The definition in a document. Raises ValueError where this version cannot read it."""

    def write(self, definition: _Definition, checked: Checked[_Report]) -> bytes:
        """The body of its document, with the report."""

    def content_type(self) -> str:
        """Media type of the body."""

    def references(self, definition: _Definition) -> Iterable[str]:
        """Names of what it uses."""

    def statements(self, definition: _Definition) -> Iterable[bytes]:
        """Digests of what it allows to run."""

    async def check(self, definition: _Definition, before: _Definition | None) -> Checked[_Report]:
        """Everything that is wrong with it, found on the customer's own server where that is where it can be found.

        `before` is what it replaces. A dependency that is down is raised; it is no problem of the definition.
        """

    def settle(self, definition: _Definition, before: Document | None) -> _Definition:
        """The definition as it is saved, with what only we decide. `before`: the last revision, also a deletion."""
