"""What to try when the server refuses a statement only because a variable has become a parameter, or where the product
promises more than PostgreSQL does (SQL.md 1 and 4)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import psycopg

from directflow_gateway.sql import CompiledStatement, rewrite_window_alias

SHARED = "Equal occurrences of a variable were bound as one parameter, so that GROUP BY, ORDER BY or DISTINCT match."
TEXT = "The value of {} was taken as text: nothing in the statement says its type."
OUTWARD = "The condition on a window function's alias was moved from WHERE to an outer query around the statement."


@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """A form of the author's statement."""

    compiled: CompiledStatement
    rewrites: tuple[str, ...] = ()
    before: "tuple[psycopg.Error, Attempt] | None" = None
    """The attempt that led to this one and its error: reported where this form only makes matters worse."""
    inward: CompiledStatement | None = None
    """The statement before its conditions on window aliases were moved; None as long as none were."""
    missing: frozenset[str] = frozenset()
    """Names that the server did not find. Only they are aliases: one that is a real column too stays where it is."""

    def changed(self, compiled: CompiledStatement | None, rewrite: str, error: psycopg.Error) -> "Attempt | None":
        """The next attempt; None when there is no other form."""
        if compiled is None or compiled.text == self.compiled.text or (rewrite == SHARED and SHARED in self.rewrites):
            return None
        # One sentence a variable, though each of its occurrences is a parameter of its own.
        return Attempt(compiled, tuple(dict.fromkeys((*self.rewrites, rewrite))), (error, self))

    def is_progress(self, error: psycopg.Error) -> bool:
        """Whether an error of this form tells the author more than the one before. Parameters that were shared in vain
        fail as before, or with a conflict of types that the author's own text does not have."""
        return self.rewrites[-1:] != (SHARED,) or error.sqlstate not in (*_SHARING_CURES, "42P08")


def next_attempt(attempt: Attempt, error: psycopg.Error) -> Attempt | None:
    """Another form of the statement that may cure the error; None when there is none."""
    following = _CURES.get(error.sqlstate or "")
    return following(attempt, error) if following else None


def _share_parameters(attempt: Attempt, error: psycopg.Error) -> Attempt | None:
    return attempt.changed(attempt.compiled.with_shared_parameters(), SHARED, error)


def _take_as_text(attempt: Attempt, error: psycopg.Error) -> Attempt | None:
    # The number is in the message only, in every language as $n, and there is no other number in it.
    match = re.search(r"\$([0-9]+)", error.diag.message_primary or "")
    number = int(match[1]) if match else 0
    if not 0 < number <= len(attempt.compiled.parameters):
        return None
    names = ", ".join(attempt.compiled.parameters[number - 1].variables)
    return attempt.changed(attempt.compiled.with_text_parameter(number), TEXT.format(names), error)


def _move_outward(attempt: Attempt, error: psycopg.Error) -> Attempt | None:
    # From the statement as it was before any condition was moved: what is missing is found one name at a time.
    inward = attempt.inward or attempt.compiled
    _, _, token = attempt.compiled.position(int(error.diag.statement_position or 0))
    missing = attempt.missing | {_folded(token)}
    compiled = rewrite_window_alias(inward, missing) if token and missing != attempt.missing else None
    if compiled is None or compiled.text == attempt.compiled.text:
        return None
    rewrites = tuple(dict.fromkeys((*attempt.rewrites, OUTWARD)))
    return Attempt(compiled, rewrites, (error, attempt), inward, missing)


def _folded(token: str) -> str:
    """The name that an identifier stands for: what is not quoted is lower case to PostgreSQL."""
    return token[1:-1].replace('""', '"') if token.startswith('"') else token.lower()


_SHARING_CURES = ("42803", "42P10")
"""Must appear in GROUP BY; ORDER BY of a SELECT DISTINCT, or DISTINCT ON, does not match."""
_CURES: Mapping[str, Callable[[Attempt, psycopg.Error], Attempt | None]] = MappingProxyType(
    {
        **dict.fromkeys(_SHARING_CURES, _share_parameters),
        "42P18": _take_as_text,  # no type can be inferred
        "42703": _move_outward,  # no such column
    }
)
