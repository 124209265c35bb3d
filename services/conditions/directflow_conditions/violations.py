"""Everything that is wrong with a request, gathered on the way through it."""

from directflow_runtime.errors import FieldViolation

from directflow_conditions.profiles import invalid

MAX_VIOLATIONS = 100
"""More are not kept: a definition of thousands of broken parts is told enough by a hundred."""


class Violations:
    """Fields that break their contract, in the order in which they were found."""

    def __init__(self) -> None:
        self.found: list[FieldViolation] = []

    def add(self, path: str, description: str, reason: str = "OUT_OF_RANGE") -> None:
        """One more; beyond MAX_VIOLATIONS it is dropped."""
        if len(self.found) < MAX_VIOLATIONS:
            self.found.append(FieldViolation(path, description, reason))

    def refuse(self) -> None:
        """Raises INVALID_REQUEST with all of them, where there are any."""
        if self.found:
            raise invalid(self.found)
