"""Runs checks against a gateway: several at once, their outcomes in the file's order."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import grpc
from directflow.gateway.v1 import query_service_pb2 as wire
from directflow.gateway.v1 import query_service_pb2_grpc as stubs
from directflow_runtime.channel import responses
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import RemoteError, remote_error

from directflow_cli.commands.check.corpus import Check, Unreadable
from directflow_cli.commands.check.digest import RowDigest
from directflow_cli.commands.check.request import Frame, request_for
from directflow_cli.commands.check.verdicts import Outcome, Verdict, outcome_of_error

READ_AHEAD: Final = 16
"""Checks that may be done before a slow one in front of them, for each that runs at once."""
TRY_AGAIN: Final = {"POOL_SATURATED", "WORKSPACE_OVER_LIMIT", "DATABASE_UNREACHABLE"}
PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 2.0

Checked = tuple[Check | Unreadable, Outcome]


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs checks over one channel."""

    channel: Any
    frame: Frame
    timeout_s: float
    """Of each check, waiting for a session included."""
    concurrency: int

    async def run(self, checks: Iterable[Check | Unreadable]) -> AsyncIterator[Checked]:
        """The outcome of every check, in order. Cancelled checks end on the server, too."""
        places = asyncio.Semaphore(self.concurrency)
        running: deque[tuple[Check | Unreadable, asyncio.Task[Outcome]]] = deque()
        try:
            for check in checks:
                running.append((check, asyncio.create_task(self._outcome(check, places))))
                if len(running) >= self.concurrency * READ_AHEAD:
                    yield await _next(running)
            while running:
                yield await _next(running)
        finally:
            left = [task for _, task in running]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _outcome(self, check: Check | Unreadable, places: asyncio.Semaphore) -> Outcome:
        if isinstance(check, Unreadable):
            return Outcome(check.id, Verdict.ERROR, reason="UNREADABLE_LINE", message=check.message)
        async with places:
            request = request_for(check, self.frame)
            if isinstance(request, Outcome):
                return request
            try:
                return await self._twice(check.id, request)
            except RemoteError as error:
                if is_gateway_away(error):
                    raise  # of no use to go on: every check behind would be the same error
                return outcome_of_error(check.id, error)

    async def _twice(self, id: str, request: wire.StreamQueryRequest) -> Outcome:
        """Once more after what is over in a moment, such as a neighbour that took the server down with it."""
        try:
            return await self._once(id, request)
        except RemoteError as error:
            if error.reason not in TRY_AGAIN and not is_gateway_away(error):
                raise
            await asyncio.sleep(min(error.retry_after or PAUSE_S, LONGEST_PAUSE_S))
        return await self._once(id, request)

    async def _once(self, id: str, request: wire.StreamQueryRequest) -> Outcome:
        stub: Any = stubs.QueryServiceStub(self.channel)  # type: ignore[no-untyped-call]
        received: Any = responses(stub.StreamQuery(request, timeout=self.timeout_s))
        result = _Result()
        try:
            async with aclosing(received) as messages:
                async for message in messages:
                    result.take(message)
        except grpc.aio.AioRpcError as error:
            raise remote_error(error) from None
        return result.outcome(id)


class _Result:
    """The rows of one check, as they come."""

    def __init__(self) -> None:
        self._digest = RowDigest()
        self._schema: Any = None
        self._columns = 0
        self._rows_announced: int | None = None

    def take(self, message: wire.StreamQueryResponse) -> None:
        """One message of the stream."""
        match message.WhichOneof("message"):
            case "header":
                import pyarrow as pa

                self._schema = pa.ipc.read_schema(pa.py_buffer(message.header.arrow_schema))
                self._columns = len(message.header.schema.columns)
            case "batch":
                self._add(message.batch)
            case "summary":
                self._rows_announced = message.summary.row_count

    def outcome(self, id: str) -> Outcome:
        """OK, when the summary proves that nothing is missing."""
        rows = len(self._digest)
        if self._rows_announced != rows:
            message = f"the stream ended with {rows} rows and says {self._rows_announced}"
            return outcome_of_error(id, DirectFlowError(StatusCode.DATA_LOSS, "STREAM_INCOMPLETE", message))
        return Outcome(id, Verdict.OK, rows=rows, columns=self._columns, digest=self._digest.hexdigest())

    def _add(self, batch: wire.RowBatch) -> None:
        import pyarrow as pa

        cells = pa.ipc.read_record_batch(pa.py_buffer(batch.arrow_record_batch), self._schema)
        self._digest.add([column.to_pylist() for column in cells.columns], batch.row_count)


def is_gateway_away(error: BaseException | None) -> bool:
    """True for gRPC's own UNAVAILABLE; one of the gateway's has a reason."""
    return isinstance(error, RemoteError) and error.code is StatusCode.UNAVAILABLE and not error.reason


async def _next(running: deque[tuple[Check | Unreadable, asyncio.Task[Outcome]]]) -> Checked:
    check, task = running[0]
    outcome = await task
    running.popleft()  # only now: until it is done, a cancelled run has to end it
    return check, outcome
