"""Gateways as app.py builds them, over a database of DirectFlow's own on the shared server, called through gRPC."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest
from directflow.gateway.v1 import definition_service_pb2 as pb
from directflow.gateway.v1 import definition_service_pb2_grpc as stubs
from directflow_cli.dev import directflow_database
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway import app
from directflow_gateway.config import GatewaySettings
from directflow_gateway.credentials.content import parse
from directflow_runtime.remote import RemoteError, remote_error

CALL_S = 30.0


@dataclass(frozen=True)
class Gateway:
    """The service, its database, and who calls."""

    stub: Any
    channel: Any
    server: PostgresServer
    section: Mapping[str, Any]
    workspace: str
    """Of the test's own: the tests of a module share a database."""
    app: Any

    def name(self, id: str, collection: str = "dataSources", workspace: str = "") -> str:
        return f"workspaces/{workspace or self.workspace}/{collection}/{id}"

    async def put(self, id: str, body: bytes = b"body", request_id: str = "", **more: Any) -> Any:
        where = {key: more.pop(key) for key in ("collection", "workspace") if key in more}
        document = pb.Document(name=self.name(id, **where), body=body, **more)
        return await self.stub.PutDocument(
            pb.PutDocumentRequest(document=document, request_id=request_id), timeout=CALL_S
        )

    async def get(self, id: str, revision: int = 0, **where: Any) -> Any:
        request = pb.GetDocumentRequest(name=self.name(id, **where), revision=revision)
        return await self.stub.GetDocument(request, timeout=CALL_S)

    async def delete(self, id: str, etag: str = "", author: str = "", **where: Any) -> Any:
        request = pb.DeleteDocumentRequest(name=self.name(id, **where), etag=etag, author=author)
        return await self.stub.DeleteDocument(request, timeout=CALL_S)

    async def revisions(self, id: str, **more: Any) -> Any:
        request = pb.ListDocumentRevisionsRequest(name=self.name(id), **more)
        return await self.stub.ListDocumentRevisions(request, timeout=CALL_S)

    async def listed(self, parent: str = "", **more: Any) -> Any:
        request = pb.ListDocumentsRequest(parent=parent or f"workspaces/{self.workspace}/dataSources", **more)
        return await self.stub.ListDocuments(request, timeout=CALL_S)

    def watch(self, after: int = 0, collection: str = "dataSources", heartbeat_s: float = 0) -> Any:
        request = pb.WatchDocumentsRequest(collection=collection, after_revision=after)
        if heartbeat_s:
            request.heartbeat_interval.FromMilliseconds(round(heartbeat_s * 1000))
        return self.stub.WatchDocuments(request)

    @staticmethod
    async def told(stream: Any, within_s: float = 10.0) -> Any:
        """The next message of a watch."""
        async with asyncio.timeout(within_s):
            message = await stream.read()
        assert message is not grpc.aio.EOF
        return message

    async def snapshot(self, stream: Any) -> tuple[list[Any], int]:
        """The documents of a snapshot, and the revision that it shows."""
        documents = []
        while (message := await self.told(stream)).WhichOneof("message") == "document":
            documents.append(message.document)
        return documents, message.snapshot_end

    async def stop(self) -> None:
        await self.app.server.stop(5)

    async def failure(self, call: Any) -> RemoteError:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        return remote_error(raised.value)

    def admin(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.server.admin_dsn(self.section["database"]), autocommit=True)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.admin() as admin:
            return admin.execute(sql).fetchall()

    def session_of(self, role: str) -> psycopg.Connection[Any]:
        login = parse(Path(self.section[f"{role}_credential"]).read_bytes())
        return psycopg.connect(
            host=self.server.host,
            port=self.server.port,
            dbname=self.section["database"],
            user=login.user,
            password=login.password,
            autocommit=True,
        )


@pytest.fixture(scope="module")
def own_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """`own_database(server)`: an empty database with its three roles, as the settings' section."""

    def make(server: PostgresServer, database: str = "", **more: Any) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("credentials")
        made = directflow_database.create(server, database or f"own_{time.monotonic_ns()}")
        for name, role in made.roles.items():
            (folder / f"{name}.json").write_text(json.dumps({"username": role.name, "password": role.password}))
        credentials = {f"{name}_credential": str(folder / f"{name}.json") for name in made.roles}
        place = {"host": made.host, "port": made.port, "database": made.database, "sslmode": "disable"}
        return {**place, **credentials, **more}

    return make


@pytest.fixture(scope="module")
def shared_database(postgres: PostgresServer, own_database: Any) -> dict[str, Any]:
    """The module's database."""
    section: dict[str, Any] = own_database(postgres)
    return section


@pytest.fixture
async def open_gateway() -> AsyncIterator[Callable[..., Any]]:
    """`await open_gateway(server, section)`: a gateway over that database; closed after the test."""
    async with AsyncExitStack() as stack:

        async def open_one(server: PostgresServer, section: Mapping[str, Any] | None, **more: Any) -> Gateway:
            settings = {
                "identity": {"allow_development": True, "callers": more.pop("callers", ())},
                "credentials": {"path": "/nowhere/{workspace}/{connection}"},
                **({"directflow_database": section} if section else {}),
                **more,
            }
            built = await app.build(GatewaySettings.model_validate(settings), stack)
            await built.server.start()
            stack.push_async_callback(built.server.stop, 0)
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}")
            await stack.enter_async_context(channel)
            stub = stubs.DefinitionServiceStub(channel)
            return Gateway(stub, channel, server, section or {}, f"w{uuid.uuid4().hex[:12]}", built)

        yield open_one


@pytest.fixture
async def gateway(postgres: PostgresServer, shared_database: Any, open_gateway: Any) -> Gateway:
    """A gateway of the test's own, and a workspace with no document."""
    opened: Gateway = await open_gateway(postgres, shared_database)
    return opened
