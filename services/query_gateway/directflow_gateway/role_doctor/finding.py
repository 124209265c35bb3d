"""What the role doctor reports."""

from dataclasses import dataclass

from directflow_runtime.errors import Problem

SUPERUSER = "SUPERUSER"
NOT_EXAMINED = "NOT_EXAMINED"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the role can do, or that the server allows, and that reading does not need."""

    rule: str
    """Stable id: "TEMPORARY_TABLES"."""
    message: str
    """One sentence. It names objects of the customer's, never data."""
    mending_sql: str = ""
    """For the customer's DBA, a statement a line; empty where SQL does not help."""

    def problem(self) -> Problem:
        """The finding as a problem of the connection's role."""
        return Problem(self.rule, self.message, field="user", hint=self.mending_sql)
