"""One call with messages both ways: who sends, who receives, and whose error it was when it breaks."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, Final

import grpc
from directflow_runtime.remote import remote_error

SETTLED_AFTER_S: Final = 0.2


async def both_ways(call: Any, messages: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
    """Sends `messages` and yields what comes back; use it under `aclosing`, which also ends the call.

    Raises what `messages` raised, else the status of the call. `messages` decides how far it runs ahead.
    """
    statuses: list[grpc.aio.AioRpcError] = []
    call.add_done_callback(lambda ended: statuses.append(_status(ended)))
    sending = asyncio.create_task(_send(call, messages))
    try:
        async for response in call:
            yield response
    except asyncio.CancelledError:
        if sending.done() and not sending.cancelled() and (error := sending.exception()):
            raise error from None  # it was the sender who cancelled the call
        raise
    except grpc.aio.AioRpcError as error:
        raise await _servers_own([*statuses, error], call) from None
    finally:
        call.cancel()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _send(call: Any, messages: AsyncGenerator[Any]) -> None:
    try:
        async with aclosing(messages):
            async for message in messages:
                await call.write(message)
        await call.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return  # the call has ended: its status says why
    except BaseException:
        call.cancel()
        raise


async def _servers_own(seen: list[grpc.aio.AioRpcError], call: Any) -> grpc.aio.AioRpcError:
    """The status that the server sent, where a send failed because the server had ended the call.

    grpc.aio reports the failed send as INTERNAL, a moment before the server's own status comes, which then takes its
    place; or a moment after it, and then in its place. So the first one, the one that was raised, and the last one are
    looked at.
    """
    for status in seen:
        if not _is_of_a_failed_send(status):
            return status
    await asyncio.sleep(SETTLED_AFTER_S)
    return _status(call)


def _is_of_a_failed_send(status: grpc.aio.AioRpcError) -> bool:
    return status.code() is grpc.StatusCode.INTERNAL and not remote_error(status).reason


def _status(ended: Any) -> grpc.aio.AioRpcError:
    """The status as it is now. A callback cannot await, and a moment later it may be another one."""
    trailing = _at_once(ended.trailing_metadata()) or grpc.aio.Metadata()
    return grpc.aio.AioRpcError(_at_once(ended.code()), grpc.aio.Metadata(), trailing, _at_once(ended.details()))


def _at_once(answer: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that has nothing to wait for: the call has ended."""
    try:
        answer.send(None)
    except StopIteration as done:
        return done.value
    answer.close()
    raise asyncio.InvalidStateError("the call has not ended")
