"""One `$n` of a statement, and what its text form is joined from."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace

from directflow_gateway.sql.lexer import TokenKind, tokenize
from directflow_gateway.sql.literals import depends_on_type, quotings
from directflow_gateway.sql.quoting import Quoting


class Context(enum.Enum):
    """What a parameter stands for in the template."""

    CODE = "code"
    LITERAL = "literal"
    TYPED_LITERAL = "typed literal"
    INTERVAL = "interval with a unit"
    IN_LIST = "IN list"
    APPENDED = "appended by DirectFlow"


@dataclass(frozen=True, slots=True)
class VariableUse:
    """A variable's place in a parameter's text, and how its value is written there."""

    name: str
    quoting: Quoting = Quoting.RAW


@dataclass(frozen=True, slots=True, repr=False)
class Parameter:
    """One `$n`: the pieces that its text form is joined from, and where the template has it."""

    pieces: tuple[str | VariableUse, ...]
    context: Context
    offset: int
    """Place of its first tag in the template, in characters from 0."""
    line: int
    column: int
    unit: str = ""
    """For INTERVAL: the unit that a bare number takes, "day"."""
    type_name: str = ""
    """PostgreSQL's type as Describe gave it; "" before."""

    def __repr__(self) -> str:
        # Constant pieces are literals of the author's: they may be personal data.
        return f"Parameter({', '.join(self.variables)}, {self.context.value})"

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables in it, in order, each once."""
        return tuple(dict.fromkeys(piece.name for piece in self.pieces if isinstance(piece, VariableUse)))

    @property
    def is_settled(self) -> bool:
        """Whether it can be bound: how values are written inside a literal with braces depends on its type."""
        return bool(self.type_name) or not depends_on_type(self._shape())

    def of_type(self, type_name: str) -> "Parameter":
        """The parameter once its type is known. Raises UnquotableError for a tag that cannot be quoted there."""
        order = iter(quotings(self._shape(), type_name))
        pieces = tuple(p if isinstance(p, str) else VariableUse(p.name, next(order)) for p in self.pieces)
        return replace(self, pieces=pieces, type_name=type_name)

    def _shape(self) -> list[str | None]:
        return [piece if isinstance(piece, str) else None for piece in self.pieces]


def parameter_places(text: str) -> Mapping[int, list[tuple[int, int]]]:
    """Where each `$n` stands in a statement: number to (start, end) in characters, in order."""
    places: dict[int, list[tuple[int, int]]] = {}
    for token in tokenize(text):
        if token.kind is TokenKind.PARAMETER:
            places.setdefault(int(text[token.start + 1 : token.end]), []).append((token.start, token.end))
    return places
