"""Bytes in, bytes out: requests are parsed and validated, and responses serialised, inside our own layers.

grpc would do it outside of them: a request that does not parse would be UNKNOWN "DecodeError", without a reason.
"""

import inspect
from collections.abc import AsyncIterator
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

        def requested(request: Any) -> Any:
            return self._read_all(method, request) if method.streams_requests else self._read(method, request)

        async def unary(request: Any, context: Any) -> Any:
            return _serialised(method, await inner(requested(request), context))

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            responses = inner(requested(request), context)
            if inspect.isawaitable(responses):  # a method that only raises, written without a yield
                await responses
                return
            async with aclosing(responses):
                async for response in responses:
                    yield _serialised(method, response)

        return stream if method.streams_responses else unary

    def _read(self, method: Method, raw: Any) -> Any:
        if method.request_deserializer is None:
            return raw
        try:
            message = method.request_deserializer(raw)
        except DecodeError:
            raise DirectFlowError(
                StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", f"the request of {method.name} does not parse"
            ) from None
        self._validator.check(message)
        return message

    async def _read_all(self, method: Method, requests: Any) -> AsyncIterator[Any]:
        async for raw in requests:
            yield self._read(method, raw)


def _serialised(method: Method, response: Any) -> Any:
    # Bytes are a message already: a stream of columns is encoded without protobuf (see column_encoding).
    if method.response_serializer is None or isinstance(response, bytes):
        return response
    return method.response_serializer(response)
