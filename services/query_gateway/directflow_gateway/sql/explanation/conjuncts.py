"""The top-level conjuncts of WHERE as the author wrote them: text, line and column in the template."""

from dataclasses import dataclass, field

from directflow_gateway.sql.explanation.plain_select import MOST_CONJUNCTS as MOST_CONJUNCTS
from directflow_gateway.sql.explanation.plain_select import PlainSelect
from directflow_gateway.sql.lexer import INSIGNIFICANT, Token
from directflow_gateway.sql.outline import Span
from directflow_gateway.sql.position import position_in
from directflow_gateway.sql.statement import CompiledStatement
from directflow_gateway.sql.template import read

_WHERE, _AND = len("WHERE"), len("AND")


@dataclass(frozen=True, slots=True)
class Conjunct:
    """One part of WHERE that AND joins. What OR joins is one part."""

    text: str = field(repr=False)
    """The author's, with tags: literals in it may be personal data."""
    line: int
    column: int


def conjuncts_of(compiled: CompiledStatement, plain: PlainSelect) -> tuple[Conjunct, ...]:
    """Every conjunct, in the author's order.

    Their places come from the words around them, WHERE and AND, which compilation leaves alone: what stands at a
    conjunct's own edge may be a parameter that has taken the place of a longer literal.
    """
    tokens = [token for token in read(compiled.template).tokens if token.kind not in INSIGNIFICANT]
    start = compiled.source_offset(plain.places.where.start) + _WHERE
    found: list[Conjunct] = []
    for span in plain.places.conjuncts:
        end = _end(compiled, span)
        found.append(_conjunct(compiled.template, [t for t in tokens if start <= t.start < end]))
        start = end + _AND
    return tuple(found)


def _end(compiled: CompiledStatement, span: Span) -> int:
    """Where the word behind it begins. The end of the text is no word: there a parameter may stand for a longer tag."""
    return compiled.source_offset(span.end) if span.end < compiled.body_end else len(compiled.template)


def _conjunct(template: str, tokens: list[Token]) -> Conjunct:
    if template[tokens[-1].start] == ";":
        tokens = tokens[:-1]
    first, last = tokens[0], tokens[-1]
    place = position_in(template, first.start)
    return Conjunct(template[first.start : last.end], place.line, place.column)
