"""What a call comes to in the end: its answer once it is there, or its error."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.remote import remote_error

CALL_S = 20.0
POLL_S = 0.01


async def eventually(true: Callable[[], Any], within_s: float = CALL_S) -> Any:
    """What `true()` came to; a call that is refused counts as not yet."""
    ends_at, refused = time.monotonic() + within_s, None
    while True:
        try:
            if found := await true():
                return found
        except grpc.aio.AioRpcError as error:
            refused = remote_error(error)
        assert time.monotonic() < ends_at, f"not within {within_s} s: {refused!r} {refused and refused.metadata}"
        await asyncio.sleep(POLL_S)


async def seconds_until(true: Callable[[], Any]) -> float:
    """How long it took."""
    began = time.monotonic()
    await eventually(true)
    return time.monotonic() - began


async def failure(call: Any) -> DirectFlowError:
    """The error that a call must end with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ended(call)
    return remote_error(caught.value)


async def ended(call: Any) -> None:
    """Reads a call to its end."""
    if hasattr(call, "__aiter__"):
        async for _ in call:
            pass
    else:
        await call
