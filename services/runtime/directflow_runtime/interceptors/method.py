"""One RPC method as the layers see it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import grpc

_INFRASTRUCTURE: Final = ("grpc.health.", "grpc.reflection.", "grpc.channelz.")

Handler = Callable[[Any, Any], Any]
"""Called with the request (or an iterator of requests) and grpc's context. Innermost, a servicer's own method; from the
idle timeout outwards always a coroutine function, which has written a stream's messages itself when it returns."""


@dataclass(frozen=True, slots=True)
class Method:
    """Name and shape of a method, and how its messages become bytes."""

    full_name: str
    """"directflow.gateway.v1.QueryService/StreamQuery"."""
    streams_requests: bool = False
    streams_responses: bool = False
    request_deserializer: Callable[[bytes], Any] | None = None
    response_serializer: Callable[[Any], bytes] | None = None

    @classmethod
    def of(cls, path: str, handler: grpc.RpcMethodHandler) -> Self:
        """`path` is what travels: "/package.Service/Method"."""
        return cls(
            path.lstrip("/"),
            handler.request_streaming,
            handler.response_streaming,
            handler.request_deserializer,
            handler.response_serializer,
        )

    @property
    def name(self) -> str:
        """The last part: "StreamQuery"."""
        return self.full_name.rpartition("/")[2]

    @property
    def is_watch(self) -> bool:
        """A stream that lives as long as its reader: it needs no deadline, and it must not hold up a drain."""
        return self.streams_responses and self.name.startswith("Watch")

    @property
    def is_infrastructure(self) -> bool:
        """Health, reflection and channelz: grpc's own servicers, which have few layers (see `Layered`)."""
        return self.full_name.startswith(_INFRASTRUCTURE)
