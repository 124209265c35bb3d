"""Callers of all three services, on plain gRPC channels."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc
from directflow.conditions.v1 import condition_service_pb2 as conditions_pb
from directflow.conditions.v1 import evaluation_service_pb2 as evaluation_pb
from directflow.conditions.v1 import evaluation_service_pb2_grpc as evaluation_stubs
from directflow.gateway.v1 import connection_service_pb2 as connection_pb
from directflow.gateway.v1 import connection_service_pb2_grpc as connection_stubs
from directflow.gateway.v1 import query_service_pb2 as query_pb
from directflow.gateway.v1 import query_service_pb2_grpc as query_stubs
from directflow.segments.v1 import audience_service_pb2 as audience_pb
from directflow.segments.v1 import audience_service_pb2_grpc as audience_stubs

from .customers import FIRST_ROWS, FIRST_SQL, SLOW_SQL
from .ledger import Ledger
from .processes import WORKSPACE, connection_name
from .site import Site

CALL_S = 30.0
STREAM_S = 900.0
OPTIONS = [("grpc.max_receive_message_length", -1)]


class Clients:
    """`async with Clients(site) as clients:`; `gateway` is another one's name, which has no followers."""

    def __init__(self, at: Site, gateway: str = "gateway") -> None:
        self.at = at
        self._gateway = gateway
        self.has_followers = at.has_followers and gateway == "gateway"
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def __aenter__(self) -> "Clients":
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))

    def _channel(self, service: str) -> grpc.aio.Channel:
        if service not in self._channels:
            address = self.at.processes[self._gateway if service == "gateway" else service].address
            self._channels[service] = grpc.aio.insecure_channel(address, OPTIONS)
        return self._channels[service]

    # --- the three services ---------------------------------------------------------------------------------------

    async def decided(self, id: str, profile: int | str, timeout: float = CALL_S) -> str:
        """What the condition of a connection is for a profile: "TRUE" for even ones."""
        stub: Any = evaluation_stubs.EvaluationServiceStub(self._channel("conditions"))
        request = evaluation_pb.EvaluateConditionRequest(
            condition=f"workspaces/{WORKSPACE}/conditions/{id}", profile_id=str(profile)
        )
        answer = await stub.EvaluateCondition(request, timeout=timeout)
        return conditions_pb.Decision.Name(answer.evaluation.decided).removeprefix("DECISION_")

    def query(self, id: str, sql: str, timeout: float = CALL_S, definition: str = "", **values: Any) -> Any:
        """A stream of the gateway's own; `definition` is a label."""
        stub: Any = query_stubs.QueryServiceStub(self._channel("gateway"))
        statement = query_pb.Statement(
            connection=connection_name(id), template=sql, role=query_pb.STATEMENT_ROLE_AD_HOC, definition=definition
        )
        return stub.StreamQuery(query_pb.StreamQueryRequest(statement=statement, values=values), timeout=timeout)

    async def rows(
        self, id: str, sql: str = FIRST_SQL, timeout: float = CALL_S, definition: str = "", **values: Any
    ) -> int:
        """How many rows a statement has, by a stream that was complete."""
        summary = None
        async for message in self.query(id, sql, timeout, definition, **values):
            summary = message.summary if message.HasField("summary") else None
        assert summary is not None, "no summary"
        return int(summary.row_count)

    def audience(self, id: str, timeout: float = STREAM_S) -> Any:
        """Everybody, through segments."""
        stub: Any = audience_stubs.AudienceServiceStub(self._channel("segments"))
        target = audience_pb.Target(data_source=f"workspaces/{WORKSPACE}/dataSources/{id}")
        return stub.StreamAudience(audience_pb.StreamAudienceRequest(target=target), timeout=timeout)

    async def tested(self, id: str) -> Any:
        """The report of a connection's test."""
        stub: Any = connection_stubs.ConnectionServiceStub(self._channel("gateway"))
        request = connection_pb.TestConnectionRequest(name=connection_name(id))
        return await stub.TestConnection(request, timeout=CALL_S)

    # --- load -----------------------------------------------------------------------------------------------------

    async def burst(self, id: str, ledger: Ledger, width: int = 6) -> None:
        """So many slow queries at once that idle sessions do not suffice."""
        one = [ledger.enter("slow query", lambda: self.rows(id, SLOW_SQL), 1) for _ in range(width)]
        await asyncio.gather(*one)

    @asynccontextmanager
    async def load(self, *ids: str, ledger: Ledger, each_s: float = 0.2, callers: int = 2) -> AsyncIterator[None]:
        """Evaluations and short queries in turn on each connection while the block runs; every call is in the ledger.

        `callers` of each connection call every `each_s` seconds, whether the call before has ended in time or not.
        """
        ended = asyncio.Event()
        tasks = [
            asyncio.create_task(self._call_on(id, ledger, each_s, number / callers * each_s, ended))
            for id in ids
            for number in range(callers)
        ]
        try:
            yield
        finally:
            ended.set()
            await asyncio.gather(*tasks)

    async def _call_on(self, id: str, ledger: Ledger, each_s: float, offset_s: float, ended: asyncio.Event) -> None:
        clock = asyncio.get_running_loop()
        due, under_way = clock.time() + offset_s, set[asyncio.Task[bool]]()
        profiles = numbers()
        while not ended.is_set():
            try:
                async with asyncio.timeout(max(0.001, due - clock.time())):
                    await ended.wait()
            except TimeoutError:
                due = max(due + each_s, clock.time() - each_s)  # a machine that stood still need not catch up
                task = asyncio.create_task(self._call(id, next(profiles), ledger))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)

    async def _call(self, id: str, number: int, ledger: Ledger) -> bool:
        if number % 3 == 0 or not self.has_followers:
            return await ledger.enter(f"query on {id}", lambda: self.rows(id), FIRST_ROWS)
        expected = "TRUE" if number % 2 == 0 else "FALSE"
        return await ledger.enter(f"evaluation on {id}", lambda: self.decided(id, number), expected)


def numbers() -> Iterator[int]:
    """Profiles, again and again."""
    while True:
        yield from range(1, 20_000)


@contextmanager
def no_failure(ledger: Ledger, at_least: int) -> Iterator[None]:
    """Every call of the block has to work, and there have to be enough of them."""
    yield
    assert ledger.failed == [], ledger
    assert ledger.total >= at_least, ledger
