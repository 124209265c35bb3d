"""Tokens of a template or statement, cut exactly where PostgreSQL's scan.l cuts them.

Our own and not libpg_query's scanner, because a template is not SQL yet: `x=<%= v %>` is one operator to PostgreSQL
(`<`, `%`, `=` and `>` are operator characters). Tags are found first and end whatever token they interrupt in code;
inside literals, identifiers and comments they are content. No character of a tag can end any of those.
"""

import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_IDENT_START = r"[A-Za-z_\x80-\U0010ffff]"  # NBSP and every other non-ASCII character belong to identifiers
_IDENT_PART = r"[A-Za-z0-9_$\x80-\U0010ffff]"
_SPACE = r"[ \t\n\r\f\v]"
_DIGITS = r"[0-9](?:_?[0-9])*+"
_NUMBER = (
    r"0[xX](?:_?[0-9A-Fa-f])++|0[oO](?:_?[0-7])++|0[bB](?:_?[01])++"
    # "1..10" is 1, two dots, 10: a number takes a dot only when no second one follows.
    rf"|(?:{_DIGITS}(?:\.(?!\.)(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][-+]?{_DIGITS})?"
)
# Possessive quantifiers throughout: with backtracking, a long run of dashes takes exponential time.
_CONTINUATION = rf"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:{_SPACE}|--[^\n\r]*+[\n\r])*+'"

_PLAIN = r"(?:[^']|'')*+'"
_ESCAPED = r"(?:[^'\\]|\\.|'')*+'"
_BITS = r"[^']*+'"

OPERATOR_CHARACTERS = "~!@#^&|`?+-*/%<>="
_NOT_SQL_OPERATOR_CHARACTERS = frozenset("~!@#^&|`?%")


class TokenKind(enum.Enum):
    """What a token is. Everything that PostgreSQL writes as one sign in its grammar is SIGN."""

    WHITESPACE = enum.auto()
    COMMENT = enum.auto()
    IDENTIFIER = enum.auto()
    QUOTED_IDENTIFIER = enum.auto()
    NUMBER = enum.auto()
    PARAMETER = enum.auto()
    OPERATOR = enum.auto()
    SIGN = enum.auto()
    LITERAL = enum.auto()
    ESCAPE_LITERAL = enum.auto()
    UNICODE_LITERAL = enum.auto()
    BIT_LITERAL = enum.auto()
    NATIONAL_LITERAL = enum.auto()
    DOLLAR_LITERAL = enum.auto()
    TAG = enum.auto()
    UNTERMINATED = enum.auto()
    """A literal, quoted identifier or comment without its end; it reaches to the end of the text."""


LITERALS = frozenset(
    {
        TokenKind.LITERAL,
        TokenKind.ESCAPE_LITERAL,
        TokenKind.UNICODE_LITERAL,
        TokenKind.BIT_LITERAL,
        TokenKind.NATIONAL_LITERAL,
        TokenKind.DOLLAR_LITERAL,
    }
)
INSIGNIFICANT = frozenset({TokenKind.WHITESPACE, TokenKind.COMMENT})


@dataclass(frozen=True, slots=True)
class Token:
    """A token by its place. `start` and `end` are 0-based character offsets, the end exclusive."""

    kind: TokenKind
    start: int
    end: int
    continued: bool = False
    """The literal goes on after a newline: 'a' newline 'b' is one literal."""


_QUOTES = (
    # (how it begins, the rest of each part, kind)
    (re.compile(r"[bBxX]'"), re.compile(_BITS), TokenKind.BIT_LITERAL),
    (re.compile(r"[nN]'"), re.compile(_PLAIN, re.DOTALL), TokenKind.NATIONAL_LITERAL),
    (re.compile(r"[eE]'"), re.compile(_ESCAPED, re.DOTALL), TokenKind.ESCAPE_LITERAL),
    (re.compile(r"[uU]&'"), re.compile(_PLAIN, re.DOTALL), TokenKind.UNICODE_LITERAL),
    (re.compile(r"'"), re.compile(_PLAIN, re.DOTALL), TokenKind.LITERAL),
)
_QUOTED_IDENTIFIER_START = re.compile(r'(?:[uU]&)?"')
_QUOTED_IDENTIFIER_REST = re.compile(r'(?:[^"]|"")*+"')
_CONTINUED = re.compile(_CONTINUATION)
_DOLLAR_DELIMITER = re.compile(r"\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*+)?\$")
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_OPERATOR_RUN = re.compile(f"[{re.escape(OPERATOR_CHARACTERS)}]++")
_COMMENT_START = re.compile(r"/\*|--")
_SIMPLE = (
    (re.compile(rf"{_SPACE}++"), TokenKind.WHITESPACE),
    (re.compile(r"--[^\n\r]*+"), TokenKind.COMMENT),  # a carriage return alone ends it
    (re.compile(r"\$[0-9]++"), TokenKind.PARAMETER),
    (re.compile(_NUMBER), TokenKind.NUMBER),
    (re.compile(rf"{_IDENT_START}{_IDENT_PART}*+"), TokenKind.IDENTIFIER),
    (re.compile(r"::|\.\.|:="), TokenKind.SIGN),
)


def tokenize(text: str, tags: Sequence[tuple[int, int]] = ()) -> Iterator[Token]:
    """All tokens of `text`, without gaps. Accepts any text; what never ends is one UNTERMINATED token.

    `tags` are the spans of template tags, ascending.
    """
    ends = dict(tags)
    place = 0
    while place < len(text):
        token = Token(TokenKind.TAG, place, ends[place]) if place in ends else _token_at(text, place, ends)
        yield token
        place = token.end


def significant(text: str, tags: Sequence[tuple[int, int]] = ()) -> list[Token]:
    """The tokens that the grammar sees: without white space and comments."""
    return [token for token in tokenize(text, tags) if token.kind not in INSIGNIFICANT]


def is_identifier_character(character: str) -> bool:
    """Whether `character` would prolong an identifier or a number that stands directly before it."""
    return character.isascii() is False or character.isalnum() or character in "_$"


def _token_at(text: str, place: int, tags: dict[int, int]) -> Token:
    if text.startswith("/*", place):
        return _block_comment(text, place)
    # Prefixed quotes come before identifiers: b'1' is a literal, though b alone is a name.
    quoted = _quoted(text, place)
    if quoted is not None:
        return quoted
    for pattern, kind in _SIMPLE:
        match = pattern.match(text, place)
        if match is not None:
            return Token(kind, place, match.end())
    return _operator(text, place, tags) or Token(TokenKind.SIGN, place, place + 1)


def _block_comment(text: str, place: int) -> Token:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, place):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return Token(TokenKind.COMMENT, place, edge.end())
    return Token(TokenKind.UNTERMINATED, place, len(text))


def _quoted(text: str, place: int) -> Token | None:
    for start, rest, kind in _QUOTES:
        opening = start.match(text, place)
        if opening is not None:
            return _literal(text, place, opening.end(), rest, kind)
    opening = _QUOTED_IDENTIFIER_START.match(text, place)
    if opening is not None:
        closing = _QUOTED_IDENTIFIER_REST.match(text, opening.end())
        return _ended(TokenKind.QUOTED_IDENTIFIER, text, place, closing)
    delimiter = _DOLLAR_DELIMITER.match(text, place)
    if delimiter is not None:
        end = text.find(delimiter.group(), delimiter.end())
        kind = TokenKind.UNTERMINATED if end < 0 else TokenKind.DOLLAR_LITERAL
        return Token(kind, place, len(text) if end < 0 else end + len(delimiter.group()))
    return None


def _literal(text: str, start: int, inside: int, rest: re.Pattern[str], kind: TokenKind) -> Token:
    part = rest.match(text, inside)
    continued = False
    while part is not None:
        again = _CONTINUED.match(text, part.end())
        if again is None:
            return Token(kind, start, part.end(), continued)
        part, continued = rest.match(text, again.end()), True
    return Token(TokenKind.UNTERMINATED, start, len(text))


def _ended(kind: TokenKind, text: str, place: int, closing: re.Match[str] | None) -> Token:
    if closing is None:
        return Token(TokenKind.UNTERMINATED, place, len(text))
    return Token(kind, place, closing.end())


def _operator(text: str, place: int, tags: dict[int, int]) -> Token | None:
    run = _OPERATOR_RUN.match(text, place)
    if run is None:
        return None
    end = next((offset for offset in range(place + 1, run.end()) if offset in tags), run.end())
    comment = _COMMENT_START.search(text, place, end)
    end = comment.start() if comment is not None else end
    operator = text[place:end]
    if operator[-1] in "+-" and not _NOT_SQL_OPERATOR_CHARACTERS.intersection(operator):
        # "=-" is "=" and "-": a sign may end an operator only if it holds a character that SQL's operators lack.
        operator = operator.rstrip("+-") or operator[0]
    return Token(TokenKind.OPERATOR, place, place + len(operator))
