"""What the role doctor reports."""

import enum
from dataclasses import dataclass

from directflow_runtime.errors import Problem

SUPERUSER = "SUPERUSER"
NOT_EXAMINED = "NOT_EXAMINED"
TEMPORARY_TABLES = "TEMPORARY_TABLES"


class Weight(enum.Enum):
    """How much a finding matters."""

    DANGER = "danger"
    """Nothing in the database restrains the role any more."""
    WARNING = "warning"
    NOTE = "note"
    """PostgreSQL gives it to PUBLIC on every fresh server, and temporary tables hold nobody's data."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the role can do, or that the server allows, and that reading does not need."""

    rule: str
    """Stable id: "TEMPORARY_TABLES"."""
    message: str
    """One sentence. It names objects of the customer's, never data."""
    mending_sql: str = ""
    """For the customer's DBA, a statement a line; empty where SQL does not help."""

    @property
    def weight(self) -> Weight:
        """How much it matters."""
        if self.rule == SUPERUSER:
            return Weight.DANGER
        return Weight.NOTE if self.rule == TEMPORARY_TABLES else Weight.WARNING

    def problem(self) -> Problem:
        """The finding as a problem of the connection's role."""
        return Problem(self.rule, self.message, field="user", hint=self.mending_sql)
