"""What `Resources` has to know of connections."""

import math
import time
from collections.abc import Iterable
from typing import Final

from directflow_runtime.calls import current_call
from directflow_runtime.definitions.document import Document
from directflow_runtime.definitions.kind import Checked
from directflow_runtime.errors import Problem, Severity

from directflow_gateway.connection_service import wire
from directflow_gateway.connection_service.step import Outcome, Step, StepName, TestReport
from directflow_gateway.connection_service.tester import ConnectionTester
from directflow_gateway.connections import Binding, ConnectionDefinition

CHECK_S: Final = 4.0
"""For trying a connection when it is saved; what is not known then is a warning."""
SHARE: Final = 0.5
"""Of what is left of the call, at most: the save itself needs some."""
UNBOUND_RULE: Final = "CREDENTIAL_UNBOUND"

_FIELDS: Final = {StepName.TLS: "tls", StepName.LOGIN: "user", StepName.ROLE: "user", StepName.FUTURE_TABLES: "user"}

Problems = tuple[Problem, ...]


class ConnectionKind:
    """Connections as a collection. It checks on the customer's own server, and refuses nothing for what it finds there:
    a database that is not up yet must not keep anybody from saving."""

    collection = "connections"
    title = "connection"
    not_found = "CONNECTION_NOT_FOUND"

    def __init__(self, tester: ConnectionTester) -> None:
        self._tester = tester

    def read(self, document: Document) -> ConnectionDefinition:
        """Raises ValueError where this version cannot read it."""
        return wire.definition_of(document)

    def write(self, definition: ConnectionDefinition, checked: Checked[Problems]) -> bytes:
        """The body of its document."""
        return wire.body_of(definition, checked.report)

    def content_type(self) -> str:
        """Media type of the body."""
        return wire.CONTENT_TYPE

    def references(self, definition: ConnectionDefinition) -> Iterable[str]:
        """A connection uses nothing that is saved."""
        return ()

    def statements(self, definition: ConnectionDefinition) -> Iterable[bytes]:
        """A connection allows no statement."""
        return ()

    def settle(self, definition: ConnectionDefinition, before: Document | None) -> ConnectionDefinition:
        """With the binding that its credential has from now on."""
        return definition.settled(last_known(before), known_before=before is not None)

    async def check(self, definition: ConnectionDefinition, before: ConnectionDefinition | None) -> Checked[Problems]:
        """What trying it says, as warnings. What no connection may be was refused before, as violations."""
        unbound = definition.binding is Binding.UNBOUND
        left = current_call().remaining() * SHARE
        deadline = time.monotonic() + (CHECK_S if math.isinf(left) else min(CHECK_S, left))
        report = await self._tester.test(definition.connection, deadline, "unbound" if unbound else "")
        problems = tuple(warning for step in report.steps for warning in _warnings(step))
        found = (_unbound(), *problems) if unbound else problems or _untried(report)
        return Checked(found, found)


def last_known(document: Document | None) -> ConnectionDefinition | None:
    """What was saved last, also of a deleted one; None where there is nothing, or nothing that can be read."""
    if document is None or not document.body:
        return None
    try:
        return wire.definition_of(document)
    except ValueError:
        return None


def _warnings(step: Step) -> Iterable[Problem]:
    if step.outcome in (Outcome.WARNING, Outcome.FAILED):
        hint = "\n".join(part for part in (step.advice, step.mending_sql) if part)
        rule = f"CONNECTION_{step.name.name}"
        yield Problem(rule, step.message, Severity.WARNING, field=_FIELDS.get(step.name, "host"), hint=hint)


def _untried(report: TestReport) -> Problems:
    """A report without a problem must not look like one of a connection that works."""
    if any(step.outcome is not Outcome.SKIPPED for step in report.steps):
        return ()
    message = f"It was not tried. {report.steps[0].message}"
    return (Problem("CONNECTION_NOT_TRIED", message, Severity.WARNING, field="host", hint="Call TestConnection."),)


def _unbound() -> Problem:
    return Problem(
        UNBOUND_RULE,
        "Host, port, user, TLS or kind of credential changed, or the name was another connection's before: nothing"
        " connects, and its credential goes nowhere, until somebody confirms it.",
        Severity.WARNING,
        field="host",
        hint="Look at the connection, then run `directflow connection confirm` (ConfirmCredential with its etag).",
    )
