"""PostgreSQL's own grammar (version 18), called safely. The only module that knows postgast and libpg_query.

The JSON export and not the protobuf one: protobuf's reader stops at 47 chained operators, which real scoring queries
exceed. The tree is a claim about PostgreSQL 18; the customer's server, which may be older, confirms it at Describe.
Note that the grammar accepts `$n` in places where servers refuse it (`LIMIT $1 PERCENT`, `INTERVAL $1`).
"""

import ctypes
import functools
from dataclasses import dataclass, replace
from typing import Any

from directflow_runtime.errors import Problem
from postgast import pg_query_pb2
from postgast.native import lib

from directflow_gateway.sql.json_text import decode
from directflow_gateway.sql.limits import DEFAULT, TextLimits, too_large
from directflow_gateway.sql.native_thread import run_with_large_stack
from directflow_gateway.sql.position import Locator, position_in
from directflow_gateway.sql.tree import Json, ParseTree, Shape, TooDeepError, build


@dataclass(frozen=True, slots=True)
class ParseFailure:
    """Why a text has no tree. `offset` is in characters of the text, 0-based; -1 without a position."""

    rule: str
    message: str
    offset: int = -1
    hint: str = ""

    def problem(self, locate: Locator) -> Problem:
        """The failure as a problem of the template."""
        position = locate(self.offset)
        near = f' at or near "{position.token}"' if position.token.strip(" '\"$") else ""
        return position.problem(self.rule, f"{self.message}{near}.", self.hint)


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A lexical token. `start` and `end` are character offsets; `kind` is PostgreSQL's name ("SCONST", "PARAM")."""

    kind: str
    start: int
    end: int


def parse(text: str, limits: TextLimits = DEFAULT) -> ParseTree | ParseFailure:
    """The syntax tree of `text`, or why there is none. Never raises for a text, and never crashes the process."""
    tokens = scan(text, limits)
    if isinstance(tokens, ParseFailure):
        return tokens
    native = _without_comments(text, tokens)
    outcome = run_with_large_stack(functools.partial(_parse_native, native.encode(), limits.max_depth))
    if not isinstance(outcome, ParseFailure):
        return ParseTree(text, outcome)
    # Every byte kept its place, but a blanked comment may have more characters than the author's.
    place = len(text.encode()[: len(native[: outcome.offset].encode())].decode("utf-8", "replace"))
    return outcome if outcome.offset < 0 else replace(outcome, offset=place)


def scan(text: str, limits: TextLimits = DEFAULT) -> tuple[Token, ...] | ParseFailure:
    """The tokens of `text` as scan.l sees them, comments included (SQL_COMMENT, C_COMMENT), or why it cannot."""
    failure = _unfit(text, limits)
    if failure is not None:
        return failure
    outcome = run_with_large_stack(functools.partial(_scan_native, text.encode()))
    if isinstance(outcome, tuple) and len(outcome) > limits.max_tokens:
        return ParseFailure("TOO_MANY_TOKENS", f"The SQL has more than {limits.max_tokens} words and signs")
    return outcome


def text_locator(text: str) -> Locator:
    """Places in the parsed text itself, for callers whose author wrote exactly that text."""
    return functools.partial(position_in, text)


def _without_comments(text: str, tokens: tuple[Token, ...]) -> str:
    """`text` with spaces in place of comments, every byte at its offset.

    libpg_query's scanner hands comments to the parser's lookahead: NOT /* x */ IN and NULLS -- x FIRST fail there,
    though PostgreSQL takes them.
    """
    pieces: list[str] = []
    place = 0
    for token in tokens:
        if token.kind in {"SQL_COMMENT", "C_COMMENT"}:
            pieces += [text[place : token.start], " " * len(text[token.start : token.end].encode())]
            place = token.end
    return "".join([*pieces, text[place:]])


def _unfit(text: str, limits: TextLimits) -> ParseFailure | None:
    problem = too_large(text, limits)
    if problem is not None:
        return ParseFailure(problem.rule, problem.message.rstrip("."), hint=problem.hint)
    if "\x00" in text:
        # C ends the text there: what follows, a tenant filter for example, would silently disappear.
        return ParseFailure("NUL_BYTE", "The SQL contains a NUL character", text.index("\x00"))
    surrogate = next((index for index, char in enumerate(text) if "\ud800" <= char <= "\udfff"), -1)
    if surrogate >= 0:
        return ParseFailure("INVALID_UTF8", "The SQL is not valid Unicode", surrogate)
    return None


def _parse_native(text: bytes, max_depth: int) -> "tuple[Any, ...] | ParseFailure":
    result = lib.pg_query_parse(text)
    try:
        if result.error:
            return _failure(result.error.contents)
        raw: Json = decode(result.parse_tree)
    finally:
        lib.pg_query_free_parse_result(result)
    try:
        return build(raw, _shape(), max_depth)
    except TooDeepError:
        return _too_deep()


def _scan_native(text: bytes) -> tuple[Token, ...] | ParseFailure:
    result = lib.pg_query_scan(text)
    try:
        if result.error:
            return _failure(result.error.contents)
        data = ctypes.string_at(result.pbuf.data, result.pbuf.len)
    finally:
        lib.pg_query_free_scan_result(result)
    tokens = pg_query_pb2.ScanResult.FromString(data).tokens
    place = (lambda offset: offset) if text.isascii() else _char_offsets(text).__getitem__
    # Signs without a meaning in SQL, `{` for one, have a number and no name.
    names = pg_query_pb2.Token.DESCRIPTOR.values_by_number
    return tuple(
        Token(names[t.token].name if t.token in names else chr(t.token), place(t.start), place(t.end)) for t in tokens
    )


def _char_offsets(text: bytes) -> list[int]:
    """For each byte offset of UTF-8 `text`, and its end, the number of characters before it."""
    offsets, characters = [], -1
    for byte in text:
        characters += byte & 0xC0 != 0x80
        offsets.append(characters)
    return [*offsets, characters + 1]


def _failure(error: Any) -> ParseFailure:
    message = error.message.decode("utf-8", "replace") if error.message else "syntax error"
    if message.startswith("memory exhausted"):
        return _too_deep(error.cursorpos - 1)
    # PostgreSQL quotes the text near the error, to its very end when a literal is not closed: we say it ourselves.
    message = message.split(" at or near ")[0].removesuffix(" at end of input")
    return ParseFailure("SYNTAX_ERROR", message[:1].upper() + message[1:], error.cursorpos - 1)


def _too_deep(offset: int = -1) -> ParseFailure:
    return ParseFailure(
        "NESTS_TOO_DEEPLY",
        "The SQL nests too deeply",
        offset,
        "Use IN or = ANY for long chains of OR, and WITH queries for deep subqueries.",
    )


@functools.cache
def _shape() -> Shape:
    """Which fields hold nodes, by libpg_query's description: its JSON names a node's type only where it varies."""
    shape: dict[str, dict[str, str]] = {}
    for name, message in pg_query_pb2.DESCRIPTOR.message_types_by_name.items():
        fields = shape.setdefault(name, {})
        for item in message.fields:
            if item.message_type is not None:
                fields[item.json_name] = fields[item.name] = item.message_type.name
            elif item.name == "location":
                fields["location"] = ""
    return shape
