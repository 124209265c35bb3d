"""What a refused call comes to."""

from typing import Any

import grpc
import pytest
from directflow_runtime.remote import RemoteError, remote_error

CALL_S = 15


async def failure(call: Any) -> RemoteError:
    """The error that a call must end with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await (call.read() if hasattr(call, "read") else call)
    return remote_error(caught.value)
