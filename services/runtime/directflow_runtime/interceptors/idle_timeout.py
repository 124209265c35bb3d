"""A stream dies of silence, not of length.

Servicers are async generators; this layer writes what they yield. grpcio does not close a generator when a send fails,
so the generator is held under `aclosing`: its `finally` has run before the call's status is sent.
"""

import asyncio
import time
from contextlib import aclosing
from typing import Any, Final

import grpc

from directflow_runtime.calls import CallRecord, current_record
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.interceptors.method import Handler, Method

CANCEL_ARRIVES_WITHIN_S: Final = 1.0


class IdleTimeout:
    """Ends a stream whose reader takes no message for `limit_s` seconds: DEADLINE_EXCEEDED, IDLE_TIMEOUT.

    The code is the deadline's and not ABORTED, since nothing on the server asks for a retry: the reader was too slow.
    Only writes are timed: a generator that is slow to yield has the call's deadline, and so has a client that is slow
    to send.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s

    def wrap(self, method: Method, inner: Handler) -> Handler:
        """Writes the messages of `inner`, one after the other: an awaited write is the back-pressure."""
        if not method.streams_responses:
            return inner

        async def written(request: Any, context: Any) -> None:
            sent = _Sent(current_record())
            async with aclosing(inner(request, context)) as messages:
                async for message in messages:
                    await self._write(context, message, sent)

        return written

    async def _write(self, context: Any, message: bytes, sent: "_Sent") -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._limit_s):
                await context.write(message)
        except TimeoutError:
            raise self._too_slow() from None
        except grpc.aio.InternalError:
            # The client is gone, and this send heard of it before the core's cancel reached us. Waiting for that cancel
            # keeps it from interrupting the generator's clean-up, which is next.
            await asyncio.sleep(CANCEL_ARRIVES_WITHIN_S)
            raise asyncio.CancelledError from None
        else:
            sent.took(message)
        finally:
            sent.waited(time.monotonic() - began)

    def _too_slow(self) -> DirectFlowError:
        limit = f"{self._limit_s:g}"
        return DirectFlowError(
            StatusCode.DEADLINE_EXCEEDED,
            "IDLE_TIMEOUT",
            f"the reader took no message for {limit} s",
            metadata={"limit_seconds": limit},
        )


class _Sent:
    """Keeps a call's account of what its reader took, and how long it was waited for."""

    def __init__(self, record: CallRecord | None) -> None:
        """None: a service of grpc's own, of whose calls nothing is told."""
        self._record = record
        if record is not None:
            record.bytes_sent = 0

    def took(self, message: bytes) -> None:
        if self._record is not None:
            self._record.bytes_sent = (self._record.bytes_sent or 0) + len(message)

    def waited(self, seconds: float) -> None:
        if self._record is not None:
            self._record.reader_s += seconds
