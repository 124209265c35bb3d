"""What a connection allows beyond PostgreSQL's own harmless functions."""

from collections.abc import Iterable
from dataclasses import dataclass

_KINDS = ("operator", "relation", "column")


@dataclass(frozen=True, slots=True)
class Allowance:
    """The entries of a connection's `allowed_functions`, read.

    "full_label" allows every function of that name, "df.full_label" those in schema df. "operator:@@+",
    "relation:df.remote_orders" and "column:ctid" allow an operator, a foreign or system relation, a system column.
    Names are as PostgreSQL stores them: lower case unless they were quoted.
    """

    entries: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "Allowance":
        """Entries as a person writes them: blanks around, and an argument list behind, do not matter."""
        return cls(frozenset(entry.strip().split("(")[0].strip() for entry in entries))

    def may_call(self, name: str, schema: str = "") -> bool:
        """Whether some function of this name is allowed; the catalogue decides later whether it is this one."""
        if schema:
            return self.function(schema, name)
        return name in self.entries or any(entry.endswith(f".{name}") for entry in self._plain())

    def function(self, schema: str, name: str) -> bool:
        """Whether the function `schema`.`name` is allowed."""
        return name in self.entries or f"{schema}.{name}" in self.entries

    def operator(self, schema: str, name: str) -> bool:
        """Whether the operator `name` is allowed, in this schema ("" for: wherever it is)."""
        return self._of_kind("operator", schema, name)

    def relation(self, schema: str, name: str) -> bool:
        """Whether a relation that is refused by rule (system, foreign) is allowed."""
        return self._of_kind("relation", schema, name)

    def column(self, name: str) -> bool:
        """Whether the system column `name` is allowed."""
        return f"column:{name}" in self.entries

    def _of_kind(self, kind: str, schema: str, name: str) -> bool:
        return f"{kind}:{name}" in self.entries or f"{kind}:{schema}.{name}" in self.entries

    def _plain(self) -> Iterable[str]:
        return (entry for entry in self.entries if not entry.startswith(tuple(f"{kind}:" for kind in _KINDS)))
