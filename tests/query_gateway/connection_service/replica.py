"""A gateway as app.py builds it, over DirectFlow's database and a customer's, called through gRPC."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.gateway.v1 import connection_service_pb2 as pb
from directflow.gateway.v1 import connection_service_pb2_grpc as stubs
from directflow.gateway.v1 import query_service_pb2 as query_pb
from directflow.gateway.v1 import query_service_pb2_grpc as query_stubs
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role
from directflow_runtime.remote import RemoteError, remote_error

CALL_S = 30.0
BOUND, UNBOUND = pb.CREDENTIAL_BINDING_BOUND, pb.CREDENTIAL_BINDING_UNBOUND


@dataclass
class Gateway:
    """One replica, the customer's database behind it, and a workspace of the test's own."""

    app: Any
    channel: Any
    customer: PostgresServer
    database: str
    role: Role
    secrets: Path
    workspace: str

    @property
    def stub(self) -> Any:
        return stubs.ConnectionServiceStub(self.channel)

    @property
    def parent(self) -> str:
        return f"workspaces/{self.workspace}"

    def name(self, id: str = "main") -> str:
        return f"{self.parent}/connections/{id}"

    def store_secret(self, id: str = "main", password: str = "", workspace: str = "") -> None:
        path = self.secrets / (workspace or self.workspace) / id
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"password": password or self.role.password}))

    def connection(self, **changed: Any) -> pb.Connection:
        given: dict[str, Any] = {
            "host": self.customer.host,
            "port": self.customer.port,
            "database": self.database,
            "user": self.role.name,
            "tls": pb.ConnectionTls(mode=pb.TLS_MODE_DISABLE),
            "credential_kind": pb.CREDENTIAL_KIND_FILE,
        }
        return pb.Connection(**{**given, **changed})

    async def create(self, id: str = "main", validate_only: bool = False, parent: str = "", **changed: Any) -> Any:
        request = pb.CreateConnectionRequest(
            parent=parent or self.parent,
            connection_id=id,
            connection=self.connection(**changed),
            validate_only=validate_only,
        )
        return await self.stub.CreateConnection(request, timeout=CALL_S)

    async def update(self, saved: Any, **changed: Any) -> Any:
        message = pb.Connection()
        message.CopyFrom(saved)
        for name, value in changed.items():
            if name in ("tls", "limits"):
                getattr(message, name).CopyFrom(value)
            else:
                setattr(message, name, value)
        return await self.stub.UpdateConnection(pb.UpdateConnectionRequest(connection=message), timeout=CALL_S)

    async def get(self, id: str = "main") -> Any:
        return await self.stub.GetConnection(pb.GetConnectionRequest(name=self.name(id)), timeout=CALL_S)

    async def delete(self, id: str = "main", **more: Any) -> Any:
        return await self.stub.DeleteConnection(pb.DeleteConnectionRequest(name=self.name(id), **more), timeout=CALL_S)

    async def confirm(self, etag: str, id: str = "main") -> Any:
        request = pb.ConfirmCredentialRequest(name=self.name(id), etag=etag)
        return await self.stub.ConfirmCredential(request, timeout=CALL_S)

    async def revisions(self, id: str = "main", **more: Any) -> Any:
        request = pb.ListConnectionRevisionsRequest(name=self.name(id), **more)
        return await self.stub.ListConnectionRevisions(request, timeout=CALL_S)

    async def rollback(self, revision: int, id: str = "main", **more: Any) -> Any:
        request = pb.RollbackConnectionRequest(name=self.name(id), revision=revision, **more)
        return await self.stub.RollbackConnection(request, timeout=CALL_S)

    async def test(self, timeout: float = CALL_S, **target: Any) -> dict[str, Any]:
        response = await self.stub.TestConnection(pb.TestConnectionRequest(**target), timeout=timeout)
        return {step.step: step for step in response.steps}

    async def ask(self, sql: str = "SELECT 1 AS id", id: str = "main", parent: str = "") -> int:
        """Runs a statement on the connection; how many rows it has."""
        statement = query_pb.Statement(
            connection=f"{parent or self.parent}/connections/{id}",
            template=sql,
            role=query_pb.STATEMENT_ROLE_AD_HOC,
        )
        stub = query_stubs.QueryServiceStub(self.channel)
        answer = await stub.CountQuery(query_pb.CountQueryRequest(statement=statement), timeout=CALL_S)
        return int(answer.row_count)

    def sessions(self) -> list[str]:
        """The databases in which the role has sessions, one entry each."""
        listed = f"SELECT datname FROM pg_stat_activity WHERE usename = '{self.role.name}'"
        return self.customer.psql(listed).split()


async def failure(call: Awaitable[Any]) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return remote_error(raised.value)


async def soon(true: Callable[[], bool], within_s: float = 10.0) -> bool:
    ends_at = time.monotonic() + within_s
    while not await asyncio.to_thread(true):
        if time.monotonic() > ends_at:
            return False
        await asyncio.sleep(0.02)
    return True
