"""Layers around a servicer's method, put together once a method rather than once a call.

grpc.aio asks every interceptor for a handler on each call. One interceptor that keeps the composed handlers costs one
dictionary look-up instead, and a layer becomes a plain function around a coroutine.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import grpc

from directflow_runtime.interceptors.method import Handler, Method

_CONSTRUCTORS: dict[tuple[bool, bool], Callable[..., grpc.RpcMethodHandler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


class Layer(Protocol):
    """One concern around every call."""

    def wrap(self, method: Method, inner: Handler) -> Handler:
        """The handler that does this layer's work around `inner`."""
        ...


class Layered(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """The one interceptor that the server knows; it applies the layers, outermost first.

    grpc's own services have fewer: a deadline or a validator of ours would break grpcurl.
    """

    def __init__(self, layers: Sequence[Layer], of_infrastructure: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self._of_infrastructure = tuple(of_infrastructure)
        self._handlers: dict[str, grpc.RpcMethodHandler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """grpc's entry. A method that nobody registered is None, which grpc answers with UNIMPLEMENTED itself."""
        known = self._handlers.get(details.method)
        if known is not None:
            return known
        handler = await continuation(details)
        if handler is None:
            return None
        method = Method.of(details.method, handler)
        # Only registered methods get here, so that callers cannot make this dictionary grow.
        self._handlers[details.method] = self._wrapped(method, handler)
        return self._handlers[details.method]

    def _wrapped(self, method: Method, handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
        behavior = _behavior(handler)
        for layer in reversed(self._of_infrastructure if method.is_infrastructure else self.layers):
            behavior = layer.wrap(method, behavior)
        made = _CONSTRUCTORS[method.streams_requests, method.streams_responses]
        if method.is_infrastructure:
            return made(behavior, method.request_deserializer, method.response_serializer)
        # No (de)serializer: the innermost layer does both, inside of the layer that turns errors into statuses.
        return made(behavior)


def _behavior(handler: grpc.RpcMethodHandler) -> Handler:
    behaviors: tuple[Any, ...] = (
        handler.unary_unary,
        handler.unary_stream,
        handler.stream_unary,
        handler.stream_stream,
    )
    found: Handler = next(behavior for behavior in behaviors if behavior is not None)
    return found
