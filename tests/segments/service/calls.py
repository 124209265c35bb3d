"""What the tests of segments.v1 ask for, and how they read what comes back."""

from typing import Any

import grpc
import pytest
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow_runtime.remote import RemoteError, remote_error

SOURCE = "workspaces/acme/dataSources/communities"
TARGET = pb.Target(data_source=SOURCE, segment_key="7")
SECONDS = 20


async def refused(call: Any) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await (read(call) if isinstance(call, grpc.aio.UnaryStreamCall) else call)
    return remote_error(raised.value)


async def read(call: Any) -> list[Any]:
    return [message async for message in call]


def stream(**fields: Any) -> pb.StreamAudienceRequest:
    return pb.StreamAudienceRequest(**{"target": TARGET} | fields)
