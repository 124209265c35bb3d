"""Where in an array or JSON literal a tag stands: decides how its value is quoted. See `quoting`.

The types are PostgreSQL's answer to Describe, so this is the second phase of a compilation: '{<%= a %>}' may be an
array, a JSON document or a text with braces.
"""

from collections.abc import Iterator, Sequence

from directflow_gateway.sql.quoting import Quoting, array_delimiter

_SPACE = " \t\n\r\v\f"

Piece = str | None
"""A piece of a literal: constant text, or None for a tag."""


class UnquotableError(Exception):
    """A tag stands where no quoting keeps its value one value. The message says why; `index` is the tag's number."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def quotings(pieces: Sequence[Piece], type_name: str) -> list[Quoting]:
    """The quoting for each tag of a literal of type `type_name` (as format_type prints it). Raises UnquotableError."""
    tags = sum(piece is None for piece in pieces)
    if tags == 1 and not "".join(piece for piece in pieces if piece).strip(_SPACE):
        # The variable is the whole literal: there is no structure of the author's that its value could break.
        return [Quoting.RAW]
    if type_name in {"json[]", "jsonb[]"}:
        # Two languages in one literal: what is quoted for the array is not yet quoted for the JSON inside.
        raise UnquotableError(
            0, "A variable cannot stand inside an array of JSON. Build it: ARRAY[jsonb_build_object(...)]."
        )
    if type_name.endswith("[]"):
        return list(_in_array(pieces, array_delimiter(type_name)))
    if type_name in {"json", "jsonb"}:
        return list(_in_json(pieces))
    return [Quoting.RAW] * tags


def depends_on_type(pieces: Sequence[Piece]) -> bool:
    """Whether the quoting can depend on the literal's type: an array needs a brace, JSON a bracket or a quote."""
    return None in pieces and any(character in piece for piece in pieces if piece for character in '{["')


def _in_array(pieces: Sequence[Piece], delimiter: str) -> Iterator[Quoting]:
    """Follows array_in: braces nest, double quotes and backslashes quote, everything else is an element's text."""
    depth, in_quotes, escaped, begun = 0, False, False, False
    index = -1
    for number, piece in enumerate(pieces):
        if piece is None:
            index += 1
            if escaped:
                raise UnquotableError(index, "A backslash before a variable would change its value.")
            if depth <= 0:
                raise UnquotableError(index, "A variable in an array literal must stand between its braces.")
            yield _array_place(in_quotes, begun or not _ends_element(pieces, number + 1, delimiter))
            begun = True
            continue
        for character in piece:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = begun = True
            elif character == '"':
                in_quotes = not in_quotes
                begun = True
            elif not in_quotes:
                depth += {"{": 1, "}": -1}.get(character, 0)
                begun = character not in ("{", delimiter) and (begun or character not in _SPACE)


def _array_place(in_quotes: bool, glued: bool) -> Quoting:
    if in_quotes:
        return Quoting.ARRAY_QUOTED
    return Quoting.ARRAY_GLUED if glued else Quoting.ARRAY_ELEMENT


def _ends_element(pieces: Sequence[Piece], number: int, delimiter: str) -> bool:
    """Whether the element ends before anything else comes, from piece `number` on."""
    piece = pieces[number] if number < len(pieces) else ""
    rest = piece.lstrip(_SPACE) if piece is not None else ""
    return rest[:1] in {"}", delimiter}


def _in_json(pieces: Sequence[Piece]) -> Iterator[Quoting]:
    in_string, escape = False, 0
    index = -1
    for number, piece in enumerate(pieces):
        if piece is None:
            index += 1
            if escape:
                raise UnquotableError(index, "A variable cannot be part of a JSON escape sequence.")
            yield Quoting.JSON_STRING if in_string else _json_place(pieces, number + 1)
            continue
        for character in piece:
            if not in_string:
                in_string = character == '"'
            elif escape == 1:
                # The character behind a backslash; u wants four digits more.
                escape = 5 if character == "u" else 0
            elif escape:
                escape = escape - 1 if escape > 2 else 0
            elif character == "\\":
                escape = 1
            else:
                in_string = character != '"'


def _json_place(pieces: Sequence[Piece], number: int) -> Quoting:
    rest = pieces[number] if number < len(pieces) else None
    return Quoting.JSON_KEY if rest is not None and rest.lstrip(_SPACE).startswith(":") else Quoting.JSON_VALUE
