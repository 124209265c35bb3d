"""A second attempt for whatever ran on the session of a role that was replaced under it.

What a role may not read, and a role that no longer exists, looks like a customer's missing GRANT: 42501, 42704. With
dynamic credentials it may as well be that the role has ended since the call began. Every statement's failure passes one
of the functions that QueryService calls, so these are decorated.
"""

import functools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_gateway.queries.engine import QueryEngine

P = ParamSpec("P")
T = TypeVar("T")

SUSPICIOUS = frozenset({"42501", "42704"})
"""insufficient_privilege, undefined_object."""


class Asked(Protocol):
    """What a function is asked about: a statement, or two."""

    @property
    def connection(self) -> str:
        """The connection's name."""


A = TypeVar("A", bound=Asked)
Answering = Callable[Concatenate[QueryEngine, A, P], Awaitable[T]]
Streaming = Callable[Concatenate[QueryEngine, A, P], AsyncGenerator[T, None]]


def answers_again(function: Answering[A, P, T]) -> Callable[Concatenate[QueryEngine, A, P], Coroutine[None, None, T]]:
    """For a function with one answer."""

    @functools.wraps(function)
    async def answer(engine: QueryEngine, asked: A, /, *args: P.args, **kwargs: P.kwargs) -> T:
        began = time.monotonic()
        try:
            return await function(engine, asked, *args, **kwargs)
        except DirectFlowError as error:
            if not await _is_replaced(engine, error, asked.connection, began):
                raise
        return await function(engine, asked, *args, **kwargs)

    return answer


def streams_again(function: Streaming[A, P, T]) -> Streaming[A, P, T]:
    """For a stream: again only while nothing of it was given out. What is cut later can be asked for again."""

    @functools.wraps(function)
    async def stream(engine: QueryEngine, asked: A, /, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T, None]:
        began, is_begun = time.monotonic(), False
        try:
            async with aclosing(_with_what_follows(function(engine, asked, *args, **kwargs))) as events:
                async for event in events:
                    is_begun = True
                    yield event
            return
        except DirectFlowError as error:
            if not await _is_replaced(engine, error, asked.connection, began):
                raise
        if is_begun:
            raise _role_was_replaced()
        async with aclosing(function(engine, asked, *args, **kwargs)) as events:
            async for event in events:
                yield event

    return stream


async def _with_what_follows(events: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Holds the opening back until there is more: it is known before the statement runs, and a call that has sent it
    cannot begin again when the role turns out to be gone by then."""
    opening: list[T] = []
    async with aclosing(events):
        async for event in events:
            opening.append(event)
            break
        async for event in events:
            while opening:
                yield opening.pop()
            yield event
    while opening:
        yield opening.pop()


async def _is_replaced(engine: QueryEngine, error: DirectFlowError, connection: str, began: float) -> bool:
    return error.sqlstate in SUSPICIOUS and await engine.role_replaced_since(connection, began)


def _role_was_replaced() -> DirectFlowError:
    message = "the credential that the stream ran with has been replaced, and its role has lost its rights: try again"
    return DirectFlowError(
        StatusCode.UNAVAILABLE,
        "DATABASE_UNREACHABLE",
        message,
        metadata={"cause": "CREDENTIAL_REPLACED"},
        retry_after=0.1,
    )
