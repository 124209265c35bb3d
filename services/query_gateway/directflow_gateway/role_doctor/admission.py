"""Whether a login role may be used, by the connection's policy."""

from typing import Protocol

from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_gateway.connections import Connection, RolePolicy
from directflow_gateway.description.exchange import Connection as Session
from directflow_gateway.role_doctor.examination import examine
from directflow_gateway.role_doctor.finding import SUPERUSER, Finding

_MOST_TOLD = 10
"""Findings in one error: details must fit 6 KiB, and mending SQL is long. TestConnection tells all."""


class Log(Protocol):
    """Where warnings go."""

    def warning(self, event: str, **fields: object) -> object: ...


class RoleDoctor:
    """Looks at the role of the first session of each credential; for `Pools(examine=...)`."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def admit(self, connection: Connection, session: Session) -> None:
        """Raises ROLE_REFUSED with the SQL that mends it; what the policy lets pass is a warning in the log."""
        findings = await examine(session)
        refused = [finding for finding in findings if _refuses(connection.role_policy, finding)]
        if refused:
            raise _refusal(refused)
        if findings:
            # Rules and no messages: object names are the customer's, and the log is everybody's.
            rules = [finding.rule for finding in findings]
            self._log.warning("role can do more than read", connection=connection.name, findings=rules)


def _refuses(policy: RolePolicy, finding: Finding) -> bool:
    if policy is RolePolicy.STRICT:
        return True
    return policy is RolePolicy.REPORT and finding.rule == SUPERUSER


def _refusal(findings: list[Finding]) -> DirectFlowError:
    rules = ", ".join(finding.rule for finding in findings)
    return DirectFlowError(
        StatusCode.FAILED_PRECONDITION,
        "ROLE_REFUSED",
        f"The database role can do more than read ({rules}), which the connection's role policy does not allow.",
        problems=[finding.problem() for finding in findings[:_MOST_TOLD]],
    )
