"""Whether a login role may be used, by the connection's policy."""

from typing import Protocol

from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_gateway.connections import Connection, RolePolicy
from directflow_gateway.description.exchange import Connection as Session
from directflow_gateway.role_doctor.examination import examine
from directflow_gateway.role_doctor.finding import Finding, Weight
from directflow_gateway.role_doctor.naming import findings_for

_MOST_TOLD = 10
"""Findings in one error: details must fit 6 KiB, and mending SQL is long. TestConnection tells all."""


class Log(Protocol):
    """Where it is told what a role can do."""

    def info(self, event: str, **fields: object) -> object: ...

    def warning(self, event: str, **fields: object) -> object: ...


class RoleDoctor:
    """Looks at the role of the first session of each credential; for `Pools(examine=...)`."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def admit(self, connection: Connection, session: Session) -> None:
        """Raises ROLE_REFUSED with the SQL that mends it as problems; what the policy lets pass is one line in the log.

        A role that cannot be examined is admitted with a warning, except under STRICT. Raises DATABASE_UNREACHABLE.
        """
        findings = await self._examined(connection, session)
        refused = [finding for finding in findings if refuses(connection.role_policy, finding)]
        if refused:
            raise _refusal(findings_for(connection, session.pgconn, tuple(refused)))
        if findings:
            # Rules and no messages: object names are the customer's, and the log is everybody's.
            rules = [finding.rule for finding in findings]
            only_notes = all(finding.weight is Weight.NOTE for finding in findings)
            tell = self._log.info if only_notes else self._log.warning
            tell("role can do more than read", connection=connection.name, findings=rules)

    async def _examined(self, connection: Connection, session: Session) -> tuple[Finding, ...]:
        try:
            return await examine(session)
        except DirectFlowError as error:
            if error.code is StatusCode.UNAVAILABLE or connection.role_policy is RolePolicy.STRICT:
                raise
            # The guard stands without us: a query of ours that fails on some server must not shut a customer out.
            self._log.warning(
                "role could not be examined", connection=connection.name, reason=error.reason, sqlstate=error.sqlstate
            )
            return ()


def refuses(policy: RolePolicy, finding: Finding) -> bool:
    """Whether a connection of this policy is refused for that finding."""
    if policy is RolePolicy.STRICT:
        return True
    return policy is RolePolicy.REPORT and finding.weight is Weight.DANGER


def _refusal(findings: tuple[Finding, ...]) -> DirectFlowError:
    rules = ", ".join(finding.rule for finding in findings)
    # The SQL that mends it names the role, so it travels as problems, which only those who may define are shown.
    return DirectFlowError(
        StatusCode.FAILED_PRECONDITION,
        "ROLE_REFUSED",
        f"The database role can do more than read ({rules}), which the connection's role policy does not allow.",
        problems=[finding.problem() for finding in findings[:_MOST_TOLD]],
    )
