"""How each form of parameter is written into the bound text. Only what must change does; the rest stays as it is."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from directflow_gateway.sql.lexer import Token, is_identifier_character
from directflow_gateway.sql.source_map import Edit
from directflow_gateway.sql.template import Slot
from directflow_gateway.sql.tree import Node

_UNLIMITED: dict[tuple[str, ...], str] = {
    ("pg_catalog", "bpchar"): "pg_catalog.bpchar",
    ("pg_catalog", "bit"): "pg_catalog.bit",
}
"""CHAR 'abc' is 'abc', but CAST('abc' AS CHAR) is 'a': only these names mean the type without a length."""


@dataclass(frozen=True, slots=True, repr=False)
class Rewriter:
    """Writes parameters into a template. `tokens` are the template's significant tokens, tags included.

    Offsets are characters of the template. Its comments keep their places: only significant tokens are replaced.
    """

    template: str
    tokens: Sequence[Token]

    def plain(self, slot: Slot) -> Iterator[Edit]:
        """`$n` in place of a tag or a literal. LIKE'x'AND is three tokens, LIKE$1AND would be one: hence the spaces."""
        before = self.template[max(slot.start - 1, 0) : slot.start]
        after = self.template[slot.end : slot.end + 1]
        left = " " if before and is_identifier_character(before) else ""
        right = " " if after and is_identifier_character(after) else ""
        yield Edit(slot.start, slot.end, f"{left}${slot.number}{right}", at=slot.place)

    def cast(self, slot: Slot, type_start: int, type_name: Node) -> Iterator[Edit]:
        """CAST($n AS date) in place of DATE '...'. The words of the type stay the author's."""
        yield Edit(type_start, type_start, f"CAST(${slot.number} AS ", at=slot.place)
        written = _UNLIMITED.get(type_name.names("names"), "")
        if written and not type_name.many("typmods"):
            for token in self._between(type_start, slot.start):
                yield Edit(token.start, token.end, written)
                written = ""
        yield Edit(slot.start, slot.end, ")", at=slot.place)

    def interval(self, slot: Slot, type_start: int) -> Iterator[Edit]:
        """CAST($n AS INTERVAL DAY) in place of INTERVAL '...' DAY."""
        yield Edit(type_start, type_start, f"CAST(${slot.number} AS ", at=slot.place)
        yield Edit(slot.start, slot.end, " ", at=slot.place)
        end = self._unit_tokens(slot)[-1].end
        yield Edit(end, end, ")", at=slot.place)

    def any_of(self, slot: Slot, operator_start: int) -> Iterator[Edit]:
        """`= ANY ($n)` in place of `IN (tag)`, and `<> ALL ($n)` in place of `NOT IN (tag)`."""
        words = list(self._between(operator_start, slot.start))
        if self._word(words[0]) == "not":
            yield Edit(words[0].start, words[0].end, "<>")
            yield Edit(words[1].start, words[1].end, "ALL")
        else:
            yield Edit(words[0].start, words[0].end, "= ANY")
        yield from self.plain(slot)

    def interval_unit(self, slot: Slot) -> str:
        """The unit behind INTERVAL '...', in lower case; "" for a range such as DAY TO HOUR."""
        words = [self._word(token) for token in self._unit_tokens(slot)]
        return "" if "to" in words else words[0]

    def _unit_tokens(self, slot: Slot) -> list[Token]:
        """unit [(precision)] [TO unit [(precision)]]. The grammar has accepted them: they are only counted here."""
        first = self._index(slot.end)
        # The longest is DAY TO SECOND (3).
        behind = self.tokens[first : first + 9]
        count = 1 + self._precision(behind[1:])
        if count < len(behind) and self._word(behind[count]) == "to":
            count += 2 + self._precision(behind[count + 2 :])
        return list(behind[:count])

    def _precision(self, tokens: Sequence[Token]) -> int:
        return 3 if tokens and self._word(tokens[0]) == "(" else 0

    def _between(self, start: int, end: int) -> Iterator[Token]:
        return iter(self.tokens[self._index(start) : self._index(end)])

    def _index(self, place: int) -> int:
        """Of the first token that begins at `place` or behind it."""
        return bisect_left(self.tokens, place, key=lambda token: token.start)

    def _word(self, token: Token) -> str:
        return self.template[token.start : token.end].lower()
