"""Every way a handler can end becomes one status: a reason where our code failed the call, never a driver's text."""

import asyncio
import time
from typing import Any, Final

import grpc
from structlog.typing import FilteringBoundLogger

from directflow_runtime.calls import CallRecord, current_record
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.interceptors.drain import Drain
from directflow_runtime.interceptors.method import Handler, Method
from directflow_runtime.logging import exception_types, stack
from directflow_runtime.remote import forwarded
from directflow_runtime.status import abort, to_status

SEND_STATUS_S: Final = 1.0


class Errors:
    """Turns exceptions into rich statuses of `domain` ("segments.directflow"), and notes the outcome in the record."""

    def __init__(self, domain: str, logger: FilteringBoundLogger, drain: Drain) -> None:
        self._domain = domain
        self._logger = logger
        self._drain = drain

    def wrap(self, method: Method, inner: Handler) -> Handler:
        """Ends the call with a status when `inner` raises."""

        async def guarded(request: Any, context: Any) -> Any:
            record = current_record() or CallRecord(method.full_name)
            try:
                response = await inner(request, context)
            except asyncio.CancelledError:
                self._cancelled(record)
                raise
            except grpc.aio.AbortError:
                _note_code(record, context)
                raise
            except Exception as error:
                await self._end(context, record, self._known(error))
            else:
                _note_code(record, context)
                return response

        return guarded

    def _known(self, error: Exception) -> DirectFlowError:
        if isinstance(error, DirectFlowError):
            return error
        if isinstance(error, grpc.aio.AioRpcError):
            return forwarded(error)
        if isinstance(error, NotImplementedError):  # what a generated servicer's methods raise
            return DirectFlowError(StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED", "this method is not built yet")
        # Not exc_info: whatever renders it, the exception's message may hold values.
        cause, frames = exception_types(error), stack(error.__traceback__)
        self._logger.error("unexpected exception", exception_type=cause, stack=frames)
        return DirectFlowError(StatusCode.INTERNAL, "INTERNAL", "internal error; the request id leads to its cause")

    async def _end(self, context: Any, record: CallRecord, error: DirectFlowError) -> None:
        record.code, record.reason = error.code, error.reason
        status = to_status(error, domain=self._domain, request_id=record.trace_id, may_define=record.may_define)
        try:
            async with asyncio.timeout(SEND_STATUS_S):
                await abort(context, status)
        except TimeoutError:
            # The status waits behind messages that the reader does not take; gRPC keeps it for when it does. A cancel
            # is how a handler leaves after its status: any other exception would be logged as unexpected.
            raise asyncio.CancelledError from None

    def _cancelled(self, record: CallRecord) -> None:
        """The core cancels a handler when the client leaves, when its deadline is over, and when the drain's grace is:
        the client of that one is told UNAVAILABLE."""
        late = record.deadline is not None and time.monotonic() >= record.deadline
        if self._drain.is_cut:
            record.code, record.reason = StatusCode.UNAVAILABLE, "DRAINING"
        else:
            record.code = StatusCode.DEADLINE_EXCEEDED if late else StatusCode.CANCELLED
            record.reason = record.code.name


def _note_code(record: CallRecord, context: Any) -> None:
    """For servicers that use the context directly: `set_code`, or an `abort` of their own."""
    code = context.code()
    record.code = StatusCode(code.value[0] if isinstance(code, grpc.StatusCode) else code or 0)
