"""What PostgreSQL's grammar refuses, said to an author who sees tags and not `$n`."""

from collections.abc import Sequence
from dataclasses import dataclass

from directflow_runtime.errors import Problem

from directflow_gateway.sql.contexts import NEVER_A_NAME, Refusal
from directflow_gateway.sql.lexer import Token, TokenKind
from directflow_gateway.sql.parser import ParseFailure
from directflow_gateway.sql.position import Position
from directflow_gateway.sql.source_map import SourceMap
from directflow_gateway.sql.template import Slot, problem_at, unknown_tag

CONSTANT_WANTED = Refusal("PostgreSQL takes only a constant here, no variable.", "Write the constant into the SQL.")

_WORDS_BEFORE_A_VALUE = (
    "select distinct all and or not where when then else case on having in by like ilike similar to between is from"
    " limit offset fetch first next any some values escape zone using"
)
_BEFORE_A_VALUE = frozenset(_WORDS_BEFORE_A_VALUE.split())
"""Words behind which a value may stand. Behind another word a tag stands for an operator, a direction or an alias."""


def place_in(template: str, source_map: SourceMap, offset: int) -> Position:
    """The author's place for a character offset of a text made from the template; a tag there is the token."""
    source = source_map.source(offset)
    if source < 0:
        return Position()
    problem = problem_at(template, source, "", "")
    return Position(problem.line, problem.column, problem.token)


@dataclass(frozen=True, slots=True, repr=False)
class Faults:
    """Explains parse failures of one template. `tokens` are its significant tokens, tags included."""

    template: str
    tokens: Sequence[Token]
    slots: Sequence[Slot]

    def of_template(self, failure: ParseFailure, text: str, source_map: SourceMap) -> Problem:
        """Why the template with `$n` for its tags, `text`, does not parse."""
        source = source_map.source(failure.offset)
        slot = self._slot_at(source) or self._name_before(source, text[failure.offset : failure.offset + 1])
        if slot is not None and failure.rule == "SYNTAX_ERROR":
            return problem_at(self.template, slot.place, NEVER_A_NAME, "Write the name or the keyword into the SQL.")
        tag = self._unknown_tag(source)
        if tag is not None:
            return tag
        return failure.problem(lambda offset: place_in(self.template, source_map, offset))

    def of_bound_text(self, source: int, lists: Sequence[Slot]) -> Problem:
        """Why the template parses, and its bound form does not or means something else. `source` is -1 if unknown."""
        slot = self._slot_at(source)
        if slot is None and lists:
            message = "The comparison with a list is ambiguous here."
            return problem_at(self.template, lists[0].place, message, "Put brackets around it: (x IN (<%= list %>)).")
        place = (slot or self.slots[0]).place
        return problem_at(self.template, place, CONSTANT_WANTED.message, CONSTANT_WANTED.hint)

    def _slot_at(self, source: int) -> Slot | None:
        return next((slot for slot in self.slots if slot.start <= source < slot.end), None)

    def _name_before(self, source: int, sign: str) -> Slot | None:
        """The tag before the place of the error, where it stands for a function, `<%= f %>(1)`, or an operator."""
        behind = next((index for index, token in enumerate(self.tokens) if token.start >= source), 0)
        tag, before = self.tokens[behind - 1 : behind], self.tokens[max(behind - 2, 0) : behind - 1]
        if not tag or tag[0].kind is not TokenKind.TAG:
            return None
        word = self.template[before[0].start : before[0].end].lower() if before else ""
        is_operand = bool(before) and before[0].kind is TokenKind.IDENTIFIER and word not in _BEFORE_A_VALUE
        return self._slot_at(tag[0].start) if sign == "(" or is_operand else None

    def _unknown_tag(self, source: int) -> Problem | None:
        """A `<% ... %>` in front of the error: operators of pg_trgm, but here they make no sense as such."""
        for token in self.tokens:
            if token.kind is TokenKind.OPERATOR and token.start <= source:
                word = self.template[token.start : token.end]
                if word.startswith("<%") and not word.startswith("<%%") and "%>" in self.template[token.start :]:
                    return unknown_tag(self.template, token.start)
        return None
