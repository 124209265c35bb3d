"""Where the clauses of a plain SELECT begin and end in its text: PostgreSQL's syntax tree knows starts, and no ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from directflow_gateway.sql.parser import Token

_OPENING = frozenset({"ASCII_40", "ASCII_91"})
_CLOSING = frozenset({"ASCII_41", "ASCII_93"})
_COMMA = "ASCII_44"
_DOT = "ASCII_46"
_COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
_TAIL = frozenset({"ORDER", "LIMIT", "OFFSET", "FETCH", "FOR"})
_AFTER_WHERE = frozenset({"GROUP_P", "HAVING", "WINDOW", *_TAIL})
_AFTER_LIST = frozenset({"FROM", "WHERE", *_AFTER_WHERE})


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a text: from the first of a piece to behind its last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Outline:
    """The places of a plain SELECT's clauses. Clauses that it does not have are empty spans where they would be."""

    list_end: int
    """Behind the last word of the select list."""
    where: Span
    """From WHERE to the next clause: blanks and comments included."""
    conjuncts: tuple[Span, ...]
    """The parts of WHERE that AND joins, each up to the AND or the next clause."""
    tail: int
    """Where ORDER BY, LIMIT, OFFSET or FETCH begins; the end of the statement without them."""
    sort_items: tuple[Span, ...]
    """The expressions of ORDER BY, without ASC, DESC and NULLS."""


def outline(tokens: Sequence[Token], end: int) -> Outline | None:
    """The outline of the SELECT that begins `tokens` (behind its WITH), whose text ends at `end`.

    None when it has no WHERE, or has something that this outline cannot show: then leave the text alone.
    """
    words = [token for token in tokens if token.kind not in _COMMENTS and token.start < end]
    top = list(_top_level(words))
    select = next((index for index in top if words[index].kind == "SELECT"), len(words))
    clauses = [index for index in top if index > select]
    list_end = _first(words, clauses, _AFTER_LIST)
    where = _first(words, clauses, frozenset({"WHERE"}))
    if where == len(words) or list_end == select + 1:
        return None
    after_where = _first(words, [index for index in clauses if index > where], _AFTER_WHERE)
    tail = _first(words, [index for index in clauses if index > where], _TAIL)
    boundaries = [*(word.start for word in words), end]
    conjuncts = _conjuncts(words, range(where + 1, after_where), boundaries)
    sort_items = _sort_items(words, tail, clauses)
    if sort_items is None:
        return None
    place = Span(boundaries[where], boundaries[after_where])
    return Outline(words[list_end - 1].end, place, conjuncts, boundaries[tail], sort_items)


def _top_level(words: Sequence[Token]) -> Iterator[int]:
    """Indexes of words outside all brackets that may be keywords: not behind AS or a dot, where they are names."""
    depth = 0
    for index, word in enumerate(words):
        depth -= word.kind in _CLOSING
        before = words[index - 1].kind if index else ""
        if depth == 0 and before not in ("AS", _DOT):
            yield index
        depth += word.kind in _OPENING


def _first(words: Sequence[Token], indexes: Sequence[int], kinds: frozenset[str]) -> int:
    """The first of `indexes` with one of these keywords, or the number of words."""
    return next((i for i in indexes if words[i].kind in kinds and not _means_something_else(words, i)), len(words))


def _means_something_else(words: Sequence[Token], index: int) -> bool:
    pair = (words[index - 1].kind, words[index].kind)
    return pair in (("DISTINCT", "FROM"), ("WITHIN", "GROUP_P"))


def _conjuncts(words: Sequence[Token], region: range, boundaries: Sequence[int]) -> tuple[Span, ...]:
    top = [region.start + index for index in _top_level(words[region.start : region.stop])]
    cuts, betweens, cases = [], 0, 0
    for index in top:
        kind = words[index].kind
        cases += (kind == "CASE") - (kind == "END_P")
        if cases:
            continue
        if kind == "OR":
            # OR binds less than AND: the whole condition is one part.
            return (Span(boundaries[region.start], boundaries[region.stop]),)
        betweens += kind == "BETWEEN"
        if kind == "AND" and betweens:
            betweens -= 1
        elif kind == "AND":
            cuts.append(index)
    starts = [region.start, *(cut + 1 for cut in cuts)]
    return tuple(Span(boundaries[a], boundaries[b]) for a, b in zip(starts, [*cuts, region.stop], strict=True))


def _sort_items(words: Sequence[Token], tail: int, clauses: Sequence[int]) -> tuple[Span, ...] | None:
    if tail == len(words) or words[tail].kind != "ORDER":
        return ()
    end = _first(words, [index for index in clauses if index > tail + 1], _TAIL)
    inside = [index for index in clauses if tail + 1 < index < end]
    if any(words[index].kind == "USING" for index in inside):
        return None
    commas = [index for index in inside if words[index].kind == _COMMA]
    starts = [tail + 2, *(comma + 1 for comma in commas)]
    return tuple(_expression(words[a:b]) for a, b in zip(starts, [*commas, end], strict=True))


def _expression(item: Sequence[Token]) -> Span:
    end = len(item)
    if end > 2 and item[end - 2].kind == "NULLS_P":
        end -= 2
    if end > 1 and item[end - 1].kind in ("ASC", "DESC"):
        end -= 1
    return Span(item[0].start, item[end - 1].end)
