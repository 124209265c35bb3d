"""Tags in a template, and what each stands in: code, a plain literal, a comment, or a place where nothing can be bound.

This is the lexical half; `contexts` judges the grammatical one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from directflow_runtime.errors import Problem

from directflow_gateway.sql.lexer import LITERALS, Token, TokenKind, is_identifier_character, tokenize
from directflow_gateway.sql.position import position_in
from directflow_gateway.sql.variables import MAX_NAME_CHARACTERS, NAME, RESERVED_PREFIX

_TAG = re.compile(rf"<%=[ \t]*({NAME})[ \t]*%>")
_SYNTAX_HINT = "Write <%= name %>: a name of letters, digits, underscores and dots, and nothing else."
# In a literal `<%` is mostly text: LIKE '<%>', 'gift <%% wrap'. These forms are tags that somebody meant.
_TAG_MEANT = re.compile(rf"<%=|<%[-#\s](?:(?!%>).){{0,200}}%>|<%{NAME}%>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tag:
    """One `<%= name %>`. Offsets are 0-based and count characters of the template, the end exclusive."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Slot:
    """What one parameter will replace: a tag in code, or a whole literal with the tags inside it."""

    number: int
    start: int
    end: int
    tags: tuple[Tag, ...]
    is_literal: bool

    @property
    def place(self) -> int:
        """Where errors about it are shown: its first tag."""
        return self.tags[0].start


@dataclass(frozen=True, slots=True)
class Reading:
    """What the lexer says about a template. Slots are in the order of the text and numbered from 1."""

    tokens: tuple[Token, ...]
    slots: tuple[Slot, ...]
    comment_tags: tuple[Tag, ...]
    problems: tuple[Problem, ...]
    tag_count: int


def find_tags(template: str) -> tuple[Tag, ...]:
    """Every well-formed tag, wherever it stands."""
    found = (Tag(match[1], match.start(), match.end()) for match in _TAG.finditer(template))
    return tuple(tag for tag in found if len(tag.name) <= MAX_NAME_CHARACTERS)


def template_variables(template: str) -> tuple[str, ...]:
    """The names of the variables that a template requires, in order of appearance; tags in comments require none."""
    reading = read(template)
    return tuple(dict.fromkeys(tag.name for slot in reading.slots for tag in slot.tags))


def problem_at(template: str, offset: int, message: str, hint: str, *, rule: str = "VARIABLE_POSITION") -> Problem:
    """A problem at a place of the template. Where a tag stands the tag is the token, else the author's word."""
    place = position_in(template, offset)
    tag = _TAG.match(template, offset)
    token = tag.group() if tag is not None else place.token
    return Problem(rule, message, field="template", line=place.line, column=place.column, token=token, hint=hint)


def read(template: str) -> Reading:
    """The tags of a template by what they stand in. Accepts any text and finds every lexical problem."""
    tags = find_tags(template)
    tokens = tuple(tokenize(template, [(tag.start, tag.end) for tag in tags]))
    slots: list[Slot] = []
    comment_tags: list[Tag] = []
    problems: list[Problem] = []
    for token, inside in _with_tags(tokens, tags):
        found = list(_problems(template, token, inside))
        problems += found
        if token.kind is TokenKind.COMMENT:
            comment_tags += inside
        elif inside and not found:
            is_literal = token.kind is TokenKind.LITERAL
            slots.append(Slot(len(slots) + 1, token.start, token.end, tuple(inside), is_literal))
    return Reading(tokens, tuple(slots), tuple(comment_tags), tuple(problems), len(tags))


def literal_pieces(template: str, slot: Slot) -> list[str | Tag]:
    """The content of a literal slot: constant text with its doubled quotes undone, and tags."""
    pieces: list[str | Tag] = []
    place = slot.start + 1
    for tag in slot.tags:
        pieces += [template[place : tag.start], tag]
        place = tag.end
    pieces.append(template[place : slot.end - 1])
    return [piece.replace("''", "'") if isinstance(piece, str) else piece for piece in pieces if piece]


def _with_tags(tokens: tuple[Token, ...], tags: tuple[Tag, ...]) -> Iterator[tuple[Token, list[Tag]]]:
    place = 0
    for token in tokens:
        first = place
        while place < len(tags) and tags[place].start < token.end:
            place += 1
        yield token, list(tags[first:place])


def _problems(template: str, token: Token, tags: list[Tag]) -> Iterator[Problem]:
    if token.kind is TokenKind.COMMENT:
        return
    if token.kind is TokenKind.UNTERMINATED:
        yield _unterminated(template, token)
    elif token.kind is TokenKind.PARAMETER:
        message = "The SQL has a parameter of its own."
        yield problem_at(template, token.start, message, "Write <%= name %>.", rule="AUTHOR_PARAMETER")
    else:
        yield from _malformed_tags(template, token, tags)
        yield from _reserved_names(template, tags)
        yield from _misplaced(template, token, tags)


def _unterminated(template: str, token: Token) -> Problem:
    what = {"/": "comment", '"': "quoted identifier"}.get(template[token.start], "literal")
    return problem_at(template, token.start, f"The {what} that begins here does not end.", "", rule="SYNTAX_ERROR")


def _malformed_tags(template: str, token: Token, tags: list[Tag]) -> Iterator[Problem]:
    if token.kind is TokenKind.OPERATOR:
        # `a <% b` and `a %> b` are operators of pg_trgm; `<%=` is none, so somebody meant a tag.
        offset = template.find("<%=", token.start, token.end)
        places = [offset] if offset >= 0 else []
    elif token.kind in LITERALS or token.kind is TokenKind.QUOTED_IDENTIFIER:
        ours = {tag.start for tag in tags}
        found = _TAG_MEANT.finditer(template, token.start, token.end)
        places = [match.start() for match in found if match.start() not in ours]
    else:
        return
    for place in places:
        hint = _SYNTAX_HINT
        if token.kind is not TokenKind.OPERATOR:
            hint += " Where the text itself is meant, split the literal: '<' || '%'."
        yield unknown_tag(template, place, hint)


def unknown_tag(template: str, offset: int, hint: str = _SYNTAX_HINT) -> Problem:
    """The problem of a tag that is none, at `offset`."""
    closing = template.find("%>", offset, offset + 64)
    token = template[offset : closing + 2 if closing >= 0 else offset + 3]
    place = position_in(template, offset)
    message = "This is not a tag that DirectFlow knows."
    return Problem(
        "UNKNOWN_TAG", message, field="template", line=place.line, column=place.column, token=token, hint=hint
    )


def _reserved_names(template: str, tags: list[Tag]) -> Iterator[Problem]:
    for tag in tags:
        if tag.name.startswith(RESERVED_PREFIX):
            message = f"Names of variables that begin with {RESERVED_PREFIX} are reserved."
            yield problem_at(template, tag.start, message, "Choose another name.", rule="RESERVED_NAME")


def _misplaced(template: str, token: Token, tags: list[Tag]) -> Iterator[Problem]:
    message, hint = "", ""
    if token.kind is TokenKind.TAG:
        message, hint = _glue(template, token)
    elif token.kind is TokenKind.LITERAL and token.continued:
        message = "A variable cannot stand in a literal that continues on another line."
        hint = "Write one literal: '...'."
    elif token.kind is not TokenKind.LITERAL:
        message, hint = _UNBINDABLE.get(token.kind, ("A variable cannot stand here.", ""))
    if message:
        for tag in tags:
            yield problem_at(template, tag.start, message, hint)


def _glue(template: str, token: Token) -> tuple[str, str]:
    # `<%= a %>foo` would be a parameter and an alias, and `x<%= a %>` the identifier x$1.
    before, after = template[max(token.start - 1, 0) : token.start], template[token.end : token.end + 1]
    if before and (is_identifier_character(before) or before in "'\""):
        return "A variable cannot be glued to what stands before it.", _GLUE_HINT
    if _TAG.match(template, token.end) or (after and (is_identifier_character(after) or after in "'\"")):
        return "A variable cannot be glued to what stands behind it.", _GLUE_HINT
    return "", ""


_GLUE_HINT = "Put a space between them, or write one literal: '<%= a %>-<%= b %>'."
_PLAIN_HINT = "Write a plain literal: '...'."
_UNBINDABLE = {
    TokenKind.ESCAPE_LITERAL: ("A variable cannot stand in an E'' literal.", _PLAIN_HINT),
    TokenKind.UNICODE_LITERAL: ("A variable cannot stand in a U&'' literal.", _PLAIN_HINT),
    TokenKind.BIT_LITERAL: (
        "A variable cannot stand in a B'' or X'' literal.",
        "Write a plain literal with a cast: CAST('...' AS bit varying).",
    ),
    TokenKind.NATIONAL_LITERAL: ("A variable cannot stand in an N'' literal.", _PLAIN_HINT),
    TokenKind.DOLLAR_LITERAL: ("A variable cannot stand in a dollar-quoted literal.", _PLAIN_HINT),
    TokenKind.QUOTED_IDENTIFIER: (
        "A variable cannot name a column or a table.",
        "Variables are values. Choose between columns with CASE.",
    ),
}
