"""Bytes in, bytes out: requests are parsed and validated, and responses serialised, inside our own layers.

grpc would do it outside of them: a request that does not parse would be UNKNOWN "DecodeError", without a reason.
"""

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from google.protobuf.message import DecodeError

from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.interceptors.method import Handler, Method
from directflow_runtime.validation import Validator


class Messages:
    """The innermost layer: the servicer sees messages that are sound by their own annotations."""

    def __init__(self, validator: Validator) -> None:
        self._validator = validator

    def wrap(self, method: Method, inner: Handler) -> Handler:
        """A coroutine function that returns bytes, or an async generator function that yields them."""

        requested, serialised = self._reader(method), _serialiser(method)

        async def unary(request: Any, context: Any) -> Any:
            return serialised(await inner(requested(request), context))

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            responses = inner(requested(request), context)
            if inspect.isawaitable(responses):  # a method that only raises, written without a yield
                await responses
                return
            async with aclosing(responses):
                async for response in responses:
                    yield serialised(response)

        return stream if method.streams_responses else unary

    def _reader(self, method: Method) -> Callable[[Any], Any]:
        parse, check = method.request_deserializer, self._validator.check
        if parse is None:
            return _as_it_is

        def read(raw: Any) -> Any:
            try:
                message = parse(raw)
            except DecodeError:
                raise _does_not_parse(method) from None
            check(message)
            return message

        async def read_all(requests: Any) -> AsyncIterator[Any]:
            async for raw in requests:
                yield read(raw)

        return read_all if method.streams_requests else read


def _does_not_parse(method: Method) -> DirectFlowError:
    return DirectFlowError(
        StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", f"the request of {method.name} does not parse"
    )


def _serialiser(method: Method) -> Callable[[Any], Any]:
    serialise = method.response_serializer
    if serialise is None:
        return _as_it_is

    def serialised(response: Any) -> Any:
        # Bytes are a message already: a stream of columns is encoded without protobuf (see column_encoding).
        return response if isinstance(response, bytes) else serialise(response)

    return serialised


def _as_it_is(message: Any) -> Any:
    return message
