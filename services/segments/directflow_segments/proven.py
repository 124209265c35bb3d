"""A stream is complete when it says so and the counts agree; anything else is UNAVAILABLE (STREAM_INCOMPLETE)."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_segments.queries import Header, PeopleRows, PeopleSummary, Rows, Summary

Message = TypeVar("Message")


async def proven(messages: AsyncGenerator[Message]) -> AsyncGenerator[Message]:
    """Passes the messages of one of the gateway's streams on; its normal end is the proof that nothing is missing."""
    proof = _Proof()
    async with aclosing(messages):
        async for message in messages:
            proof.check(message)
            yield message
    proof.check_end()


class _Proof:
    """What a stream has shown so far."""

    def __init__(self) -> None:
        self._opened = self._ended = False
        self._rows = 0

    def check(self, message: object) -> None:
        if self._ended or isinstance(message, Header) == self._opened:
            raise _incomplete("its messages came in no sound order")
        match message:
            case Header():
                self._opened = True
            case Rows():
                self._count(message)
            case PeopleRows(rows, indexes):
                self._count(rows)
                if len(indexes) != rows.rows.num_rows:
                    raise _incomplete("rows and people do not agree")
            case Summary(row_count) | PeopleSummary(row_count=row_count):
                self._ended = True
                if row_count != self._rows:
                    raise _incomplete("its summary counts other rows than came")

    def _count(self, rows: Rows) -> None:
        if rows.offset != self._rows:
            raise _incomplete("rows are missing in its middle")
        self._rows += rows.rows.num_rows

    def check_end(self) -> None:
        if not self._ended:
            raise _incomplete("it ended without a summary")


def _incomplete(why: str) -> DirectFlowError:
    return DirectFlowError(
        StatusCode.UNAVAILABLE,
        "STREAM_INCOMPLETE",
        f"The gateway's stream proves nothing complete: {why}.",
        retry_after=1.0,
    )
