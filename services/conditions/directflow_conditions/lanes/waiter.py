"""One caller that waits for the answer to its question."""

import asyncio
import time
from collections.abc import Hashable, Sequence

from opentelemetry.trace import Span

from directflow_conditions.condition import Scalar, Value
from directflow_conditions.questions import Answer, Question


class Waiter:
    """A question, whose it is, and until when it is worth an answer."""

    __slots__ = ("answer", "deadline", "identity", "question", "row", "since", "size", "span")

    def __init__(self, question: Question, identity: str, deadline: float, span: Span) -> None:
        self.question = question
        self.identity = identity
        self.deadline = deadline
        """On the clock of time.monotonic()."""
        self.span = span
        """Of the caller's call."""
        self.since = time.monotonic()
        self.answer: asyncio.Future[Sequence[Answer] | Exception] = asyncio.get_running_loop().create_future()
        """An exception is a result here: asyncio would complain of one whose caller left at the same moment."""
        self.row = row_of(question)
        self.size = len(question.profile_id) + sum(len(value) for value in texts(question))


def row_of(question: Question) -> Hashable:
    """What a statement is asked for this question; equal ones need one row.

    Equal for Python is not enough: 1 and True are told apart by the lane's key, 0.0 and -0.0 here.
    """
    cells = tuple(
        repr(value) if isinstance(value, float) else value
        for value in question.values.values()
        if not isinstance(value, tuple)
    )
    anchor = question.anchor.SerializeToString() if question.anchor is not None else None
    return (question.profile_id, anchor, cells)


def kinds_of(question: Question) -> Hashable:
    """What must be equal for two questions to share a column: the values' types, and lists as a whole."""
    return tuple(repr(value) if isinstance(value, tuple) else type(value) for value in question.values.values())


def texts(question: Question) -> list[str]:
    """The values that may be long."""
    return [value for value in question.values.values() if isinstance(value, str)]


def scalar(value: Value) -> Scalar:
    """A value that is known to be no list."""
    if isinstance(value, tuple):
        raise TypeError("a list does not fit into a cell")
    return value
