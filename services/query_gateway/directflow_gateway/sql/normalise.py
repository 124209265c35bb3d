"""SQL for telemetry: the shape of a statement without any value in it."""

from directflow_gateway.sql.lexer import LITERALS, Token, TokenKind, tokenize
from directflow_gateway.sql.limits import HARD_MAX_SQL_BYTES

_VALUES = LITERALS | {TokenKind.NUMBER, TokenKind.UNTERMINATED}


def normalise_for_telemetry(text: str) -> str:
    """`text` with every literal and number replaced by `?`, without comments, its white space collapsed.

    Comments go because people paste e-mail addresses into them. What does not end is one `?`, since it may be a value.
    Accepts any text; reads no more than the 32 KiB that a statement may have.
    """
    text = text[:HARD_MAX_SQL_BYTES]
    return " ".join("".join(_written(text, token) for token in tokenize(text)).split())


def _written(text: str, token: Token) -> str:
    if token.kind in _VALUES:
        return "?"
    if token.kind in {TokenKind.COMMENT, TokenKind.WHITESPACE}:
        return " "
    return text[token.start : token.end]
