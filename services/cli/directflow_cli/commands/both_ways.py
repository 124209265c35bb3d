"""One call with messages both ways: who sends, who receives, and whose error it was when it breaks."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

import grpc
from directflow_runtime.remote import remote_error

SETTLED_AFTER_S: Final = 0.2


async def both_ways(call: Any, messages: AsyncIterator[Any]) -> AsyncGenerator[Any]:
    """Sends `messages` and yields what comes back; use it under `aclosing`, which also ends the call.

    Raises what `messages` raised, else the status of the call. `messages` decides how far it runs ahead.
    """
    sending = asyncio.create_task(_send(call, messages))
    try:
        async for response in call:
            yield response
    except asyncio.CancelledError:
        if sending.done() and not sending.cancelled() and (error := sending.exception()):
            raise error from None  # it was the sender who cancelled the call
        raise
    except grpc.aio.AioRpcError as error:
        raise await _settled(call, error) from None
    finally:
        call.cancel()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _send(call: Any, messages: AsyncIterator[Any]) -> None:
    try:
        async for message in messages:
            await call.write(message)
        await call.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return  # the call has ended: its status says why
    except BaseException:
        call.cancel()
        raise


async def _settled(call: Any, error: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
    """The real status, where a send failed because the server had answered before it read everything.

    grpc.aio then reports INTERNAL at first, and takes up the server's own answer a moment later.
    """
    if error.code() is not grpc.StatusCode.INTERNAL or remote_error(error).reason:
        return error
    await asyncio.sleep(SETTLED_AFTER_S)
    code, trailing = await call.code(), await call.trailing_metadata()
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing or grpc.aio.Metadata(), await call.details())
