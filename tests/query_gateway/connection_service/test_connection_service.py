"""ConnectionService on gateways as app.py builds them, over DirectFlow's database and a customer's, through gRPC."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.gateway.v1 import connection_service_pb2 as pb
from directflow.gateway.v1 import connection_service_pb2_grpc as stubs
from directflow.gateway.v1 import definition_service_pb2 as definition_pb
from directflow.gateway.v1 import definition_service_pb2_grpc as definition_stubs
from directflow.gateway.v1 import query_service_pb2 as query_pb
from directflow.gateway.v1 import query_service_pb2_grpc as query_stubs
from directflow.sql.v1 import sql_pb2
from directflow_cli.dev import directflow_database
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role
from directflow_gateway import app
from directflow_gateway.config import GatewaySettings
from directflow_runtime.errors import StatusCode
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


@pytest.fixture(scope="module")
def section(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """DirectFlow's own database, as the settings have it; the module's tests share it."""
    folder = tmp_path_factory.mktemp("credentials")
    made = directflow_database.create(postgres, f"own_{time.monotonic_ns()}")
    for name, role in made.roles.items():
        (folder / f"{name}.json").write_text(json.dumps({"username": role.name, "password": role.password}))
    place = {"host": made.host, "port": made.port, "database": made.database, "sslmode": "disable"}
    return {**place, **{f"{name}_credential": str(folder / f"{name}.json") for name in made.roles}}


@pytest.fixture(scope="module")
def reader(postgres: PostgresServer, postgres_database: str) -> Role:
    role = postgres.create_role("LOGIN")
    postgres.psql(
        f"CREATE TABLE users (id int); INSERT INTO users VALUES (1), (2); GRANT SELECT ON users TO {role.name};"
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role.name}",
        database=postgres_database,
    )
    return role


@pytest.fixture
async def open_gateway(
    postgres: PostgresServer, postgres_database: str, reader: Role, section: Any, tmp_path: Path
) -> AsyncIterator[Callable[..., Any]]:
    """`await open_gateway(...)`: a replica over the module's store; further settings as keyword arguments."""
    workspace = f"w{time.monotonic_ns()}"
    async with AsyncExitStack() as stack:

        async def open_one(**more: Any) -> Gateway:
            settings = {
                "identity": {"allow_development": True},
                "credentials": {"path": f"{tmp_path}/{{workspace}}/{{connection}}"},
                "egress": {"allow_loopback": True},
                "directflow_database": section,
                **more,
            }
            built = await app.build(GatewaySettings.model_validate(settings), stack)
            async with asyncio.timeout(20):
                await built.ready()
            await built.server.start()
            stack.push_async_callback(built.server.stop, 0)
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}")
            await stack.enter_async_context(channel)
            return Gateway(built, channel, postgres, postgres_database, reader, tmp_path, workspace)

        yield open_one


@pytest.fixture
async def gateway(open_gateway: Any) -> Gateway:
    opened: Gateway = await open_gateway()
    opened.store_secret()
    return opened


# --- the life of a connection -----------------------------------------------------------------------------------------


async def test_a_connection_is_saved_read_and_used(gateway: Gateway) -> None:
    saved = await gateway.create(limits=pb.ConnectionLimits(pool_size=2), allowed_functions=["z.f", "a"])
    assert (saved.name, saved.revision > 0, bool(saved.etag)) == (gateway.name(), True, True)
    assert (saved.credential_binding, saved.credential_kind) == (BOUND, pb.CREDENTIAL_KIND_VAULT_KV)
    assert saved.update_time.seconds > 0
    assert list(saved.allowed_functions) == ["z.f", "a"]
    assert await gateway.get() == saved
    assert await gateway.ask("SELECT id FROM users") == 2


async def test_an_update_is_used_by_the_next_call_and_the_old_sessions_go(gateway: Gateway) -> None:
    saved = await gateway.create()
    assert await gateway.ask("SELECT id FROM users") == 2
    changed = await gateway.update(saved, database="postgres")
    assert changed.revision > saved.revision
    assert (await failure(gateway.ask("SELECT id FROM users"))).reason == "DEFINITION_BROKEN"  # the table is not there
    assert await soon(lambda: gateway.sessions() == ["postgres"])


async def test_a_deleted_connection_is_not_found_and_its_sessions_go(gateway: Gateway) -> None:
    await gateway.create()
    await gateway.ask()
    await gateway.delete()
    for call in (gateway.get(), gateway.ask(), gateway.delete(), gateway.test(name=gateway.name())):
        error = await failure(call)
        assert (error.code, error.reason) == (StatusCode.NOT_FOUND, "CONNECTION_NOT_FOUND")
    assert await soon(lambda: gateway.sessions() == [])


async def test_another_replica_sees_changes_within_a_second(gateway: Gateway, open_gateway: Any) -> None:
    other: Gateway = await open_gateway()
    saved = await gateway.create()

    async def seen(etag: str) -> bool:
        request = pb.ListConnectionsRequest(parent=other.parent)
        for _ in range(500):
            listed = await other.stub.ListConnections(request, timeout=CALL_S)
            if [connection.etag for connection in listed.connections] == [etag]:
                return True
            await asyncio.sleep(0.01)
        return False

    assert await seen(saved.etag)
    assert await other.ask() == 1
    moved = await gateway.update(saved, host="localhost")
    assert await seen(moved.etag)
    assert (await failure(other.ask())).reason == "CREDENTIAL_UNBOUND"


async def test_nothing_is_stored_by_validate_only(gateway: Gateway) -> None:
    checked = await gateway.create(validate_only=True)
    assert (checked.etag, checked.revision) == ("", 0)
    assert (await failure(gateway.get())).reason == "CONNECTION_NOT_FOUND"


async def test_two_editors_one_wins_and_the_other_is_told(gateway: Gateway) -> None:
    saved = await gateway.create()
    await gateway.update(saved, database="postgres")
    error = await failure(gateway.update(saved, user="other"))
    assert (error.code, error.reason) == (StatusCode.ABORTED, "ETAG_MISMATCH")
    assert (await gateway.get()).database == "postgres"
    assert (await failure(gateway.create())).reason == "ALREADY_EXISTS"
    assert (await failure(gateway.delete(etag=saved.etag))).reason == "ETAG_MISMATCH"


async def test_lists_are_paged_filtered_and_of_one_workspace(gateway: Gateway) -> None:
    for number in range(3):
        await gateway.create(f"crm-{number}", host="no-such-host.invalid")
    await gateway.create("other", host="no-such-host.invalid")
    await gateway.create("crm-0", parent=f"{gateway.parent}x", host="no-such-host.invalid")
    ids, token = [], ""
    while True:
        request = pb.ListConnectionsRequest(parent=gateway.parent, page_size=2, page_token=token, filter="CRM")
        page = await gateway.stub.ListConnections(request, timeout=CALL_S)
        ids += [connection.name.rpartition("/")[2] for connection in page.connections]
        token = page.next_page_token
        if not token:
            break
    assert ids == ["crm-0", "crm-1", "crm-2"]
    request = pb.ListConnectionsRequest(parent=gateway.parent, page_token="nonsense")
    assert (await failure(gateway.stub.ListConnections(request, timeout=CALL_S))).reason == "PAGE_TOKEN_INVALID"


async def test_revisions_tell_who_when_and_what_and_deletions(gateway: Gateway) -> None:
    saved = await gateway.create()
    await gateway.update(saved, database="postgres")
    await gateway.delete()
    told = (await gateway.revisions()).revisions
    assert [revision.deleted for revision in told] == [True, False, False]
    assert [revision.connection.database for revision in told] == ["", "postgres", gateway.database]
    assert {revision.author for revision in told} == {"development"}
    assert all(revision.save_time.seconds for revision in told)
    restored = await gateway.rollback(told[2].revision)
    assert restored.database == gateway.database
    assert restored.revision > told[0].revision


async def test_what_is_in_use_is_not_deleted_and_its_users_are_named(gateway: Gateway) -> None:
    await gateway.create()
    user = f"{gateway.parent}/dataSources/customers"
    document = definition_pb.Document(name=user, body=b"body", references=[gateway.name()])
    definitions = definition_stubs.DefinitionServiceStub(gateway.channel)
    await definitions.PutDocument(definition_pb.PutDocumentRequest(document=document), timeout=CALL_S)
    error = await failure(gateway.delete())
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "RESOURCE_IN_USE")
    assert "dataSources/customers" in error.message
    await gateway.get()
    await definitions.DeleteDocument(definition_pb.DeleteDocumentRequest(name=user), timeout=CALL_S)
    await gateway.delete()


async def test_nobody_reaches_connections_through_the_store_of_definitions(gateway: Gateway) -> None:
    """Or a binding could be written there."""
    saved = await gateway.create()
    document = definition_pb.Document(name=saved.name, body=b"body", etag=saved.etag)
    definitions = definition_stubs.DefinitionServiceStub(gateway.channel)
    put = definitions.PutDocument(definition_pb.PutDocumentRequest(document=document), timeout=CALL_S)
    assert (await failure(put)).code is StatusCode.PERMISSION_DENIED


async def test_a_violation_of_each_field_is_told_at_once(gateway: Gateway) -> None:
    error = await failure(
        gateway.create("Upper_Case", host="a,b", port=70_000, database="", limits=pb.ConnectionLimits(max_rows=-1))
    )
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    fields = {violation.field for violation in error.violations}
    assert fields >= {"connection.database"}
    error = await failure(
        gateway.create("Upper_Case", host="a,b", port=70_000, limits=pb.ConnectionLimits(max_rows=-1))
    )
    assert {violation.field for violation in error.violations} == {
        "connection_id", "connection.host", "connection.port", "connection.limits.max_rows",
    }  # fmt: skip


async def test_a_database_that_is_not_up_yet_keeps_nobody_from_saving(gateway: Gateway) -> None:
    saved = await gateway.create(host="no-such-host.invalid")
    (problem,) = saved.validation_report.problems
    assert (problem.rule, problem.severity) == ("CONNECTION_RESOLVE", sql_pb2.SEVERITY_WARNING)
    assert (await gateway.get()).validation_report == saved.validation_report


async def test_what_the_settings_hold_is_shown_and_cannot_be_changed(gateway: Gateway, open_gateway: Any) -> None:
    place = {"host": gateway.customer.host, "port": gateway.customer.port, "sslmode": "disable"}
    fixed = {"workspace": gateway.workspace, "id": "fixed", "database": gateway.database, "user": gateway.role.name}
    other: Gateway = await open_gateway(connections=[{**fixed, **place}])
    other.store_secret("fixed")
    assert (await other.get("fixed")).credential_kind == pb.CREDENTIAL_KIND_FILE
    assert (await failure(other.create("fixed"))).code is StatusCode.FAILED_PRECONDITION
    assert (await other.test(name=other.name("fixed")))["login"].outcome == pb.STEP_OUTCOME_OK
    elsewhere = other.connection(name=other.name("fixed"), host="localhost")
    assert (await other.test(connection=elsewhere))["login"].outcome == pb.STEP_OUTCOME_SKIPPED


# --- the binding of its credential ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"host": "localhost"},
        {"port": 1},
        {"user": "somebody_else"},
        {"tls": pb.ConnectionTls(mode=pb.TLS_MODE_REQUIRE)},
        {"credential_kind": pb.CREDENTIAL_KIND_VAULT_STATIC},
    ],
)
async def test_another_target_gets_no_credential_until_somebody_confirms(gateway: Gateway, changed: Any) -> None:
    saved = await gateway.create()
    moved = await gateway.update(saved, **changed, credential_binding=BOUND)
    assert moved.credential_binding == UNBOUND
    assert "CREDENTIAL_UNBOUND" in {problem.rule for problem in moved.validation_report.problems}
    error = await failure(gateway.ask())
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "CREDENTIAL_UNBOUND")
    assert "ConfirmCredential" in error.message
    steps = await gateway.test(name=gateway.name())
    assert steps["login"].outcome == pb.STEP_OUTCOME_SKIPPED
    again = await gateway.update(moved, database="postgres")
    assert again.credential_binding == UNBOUND
    confirmed = await gateway.confirm(again.etag)
    assert (confirmed.credential_binding, confirmed.revision > again.revision) == (BOUND, True)


async def test_a_confirmed_connection_connects(gateway: Gateway) -> None:
    saved = await gateway.create()
    moved = await gateway.update(saved, host="localhost")
    await gateway.confirm(moved.etag)
    assert await gateway.ask("SELECT id FROM users") == 2


async def test_only_what_was_seen_can_be_confirmed(gateway: Gateway) -> None:
    saved = await gateway.create()
    moved = await gateway.update(saved, host="localhost")
    await gateway.update(moved, host="no-such-host.invalid")
    assert (await failure(gateway.confirm(moved.etag))).reason == "ETAG_MISMATCH"
    assert (await gateway.get()).credential_binding == UNBOUND


@pytest.mark.parametrize(("changed", "binding"), [({}, BOUND), ({"host": "localhost"}, UNBOUND)])
async def test_creating_again_under_an_old_name_is_a_change_as_well(
    gateway: Gateway, changed: Any, binding: int
) -> None:
    await gateway.create()
    await gateway.delete()
    assert (await gateway.create(**changed)).credential_binding == binding


@pytest.mark.parametrize("validate_only", [False, True])
async def test_a_create_that_says_it_was_sent_before_takes_no_credential_elsewhere(
    gateway: Gateway, silent: Any, validate_only: bool
) -> None:
    """A request_id lets a create pass whose name is taken already: it may be the same one again."""
    await gateway.create()
    request = pb.CreateConnectionRequest(
        parent=gateway.parent,
        connection_id="main",
        connection=gateway.connection(port=silent.port),
        request_id=str(uuid.uuid4()),
        validate_only=validate_only,
    )
    error = await failure(gateway.stub.CreateConnection(request, timeout=CALL_S))
    assert error.reason == "ALREADY_EXISTS"
    assert silent.received() == b""


async def test_a_rollback_to_another_host_unbinds(gateway: Gateway) -> None:
    first = await gateway.create()
    moved = await gateway.update(first, host="localhost")
    await gateway.confirm(moved.etag)
    back = await gateway.rollback(first.revision)
    assert (back.host, back.credential_binding) == (first.host, UNBOUND)


async def test_one_that_is_not_saved_is_tried_with_the_credential_of_its_name_only_where_it_belongs(
    gateway: Gateway,
) -> None:
    unsaved = gateway.connection(name=gateway.name())
    assert (await gateway.test(connection=unsaved))["round_trip"].outcome == pb.STEP_OUTCOME_OK
    saved = await gateway.create()
    other_database = gateway.connection(name=gateway.name(), database="postgres")
    assert (await gateway.test(connection=other_database))["login"].outcome == pb.STEP_OUTCOME_OK
    elsewhere = gateway.connection(name=gateway.name(), host="localhost")
    assert (await gateway.test(connection=elsewhere))["login"].outcome == pb.STEP_OUTCOME_SKIPPED
    await gateway.delete(etag=saved.etag)
    assert (await gateway.test(connection=elsewhere))["login"].outcome == pb.STEP_OUTCOME_SKIPPED
    assert (await gateway.test(connection=unsaved))["login"].outcome == pb.STEP_OUTCOME_OK


# --- who may ----------------------------------------------------------------------------------------------------------


async def test_a_test_without_a_target_is_refused(gateway: Gateway) -> None:
    error = await failure(gateway.stub.TestConnection(pb.TestConnectionRequest(), timeout=CALL_S))
    assert (error.reason, [violation.field for violation in error.violations]) == ("INVALID_REQUEST", ["target"])


async def test_who_may_not_define_sees_and_changes_nothing(open_gateway: Any) -> None:
    caller = {"name": "development", "services": ["directflow."], "workspaces": ["*"], "may_define": False}
    gateway: Gateway = await open_gateway(identity={"allow_development": True, "callers": [caller]})
    calls = (
        gateway.create(), gateway.get(), gateway.delete(), gateway.revisions(), gateway.rollback(1),
        gateway.confirm("etag"), gateway.test(name=gateway.name()),
        gateway.test(connection=gateway.connection(name=gateway.name())),
        gateway.stub.ListConnections(pb.ListConnectionsRequest(parent=gateway.parent), timeout=CALL_S),
    )  # fmt: skip
    for call in calls:
        error = await failure(call)
        assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")


async def test_two_workspaces_with_the_same_id_never_meet(gateway: Gateway, open_gateway: Any) -> None:
    await gateway.create()
    caller = {"name": "development", "services": ["directflow."], "workspaces": ["zz9"], "may_define": True}
    stranger: Gateway = await open_gateway(identity={"allow_development": True, "callers": [caller]})
    for call in (
        stranger.get(), stranger.delete(), stranger.revisions(), stranger.test(name=stranger.name()),
        stranger.test(connection=stranger.connection(name=stranger.name())), stranger.confirm("etag"), stranger.ask(),
        stranger.rollback(1), stranger.create(),
    ):  # fmt: skip
        assert (await failure(call)).reason == "IDENTITY_NOT_ALLOWED"
    stranger.workspace = "zz9"
    assert (await failure(stranger.get())).reason == "CONNECTION_NOT_FOUND"
    listed = await stranger.stub.ListConnections(pb.ListConnectionsRequest(parent=stranger.parent), timeout=CALL_S)
    assert list(listed.connections) == []
    # Its own one of the same id, towards the same server: the other's credential is not taken.
    await stranger.create()
    steps = await stranger.test(name=stranger.name())
    assert steps["login"].outcome == pb.STEP_OUTCOME_FAILED
    assert "no credential" in steps["login"].message
    await stranger.delete()
    assert await gateway.ask("SELECT id FROM users") == 2


# --- the store away ---------------------------------------------------------------------------------------------------


async def test_without_a_store_only_the_settings_connections_are_there(open_gateway: Any) -> None:
    gateway: Gateway = await open_gateway(directflow_database=None)
    assert (await failure(gateway.get())).reason == "CONNECTION_NOT_FOUND"
    assert (await failure(gateway.create())).reason == "STORE_NOT_CONFIGURED"
    gateway.store_secret()
    steps = await gateway.test(connection=gateway.connection(name=gateway.name()))
    assert steps["login"].outcome == pb.STEP_OUTCOME_OK


async def test_while_the_store_is_away_everything_goes_on_but_saving(
    open_gateway: Any, private_postgres: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = private_postgres()
    folder = tmp_path_factory.mktemp("own")
    made = directflow_database.create(own, "own")
    for name, role in made.roles.items():
        (folder / f"{name}.json").write_text(json.dumps({"username": role.name, "password": role.password}))
    place = {"host": made.host, "port": made.port, "database": made.database, "sslmode": "disable"}
    credentials = {f"{name}_credential": str(folder / f"{name}.json") for name in made.roles}
    gateway: Gateway = await open_gateway(directflow_database={**place, **credentials})
    gateway.store_secret()
    saved = await gateway.create()
    own.stop()
    assert await gateway.ask("SELECT id FROM users") == 2
    assert await gateway.get() == saved
    assert (await gateway.test(name=gateway.name()))["round_trip"].outcome == pb.STEP_OUTCOME_OK
    assert (await failure(gateway.update(saved, database="postgres"))).reason == "STORE_UNAVAILABLE"
    unsaved = await gateway.test(connection=gateway.connection(name=gateway.name("new")))
    assert unsaved["login"].outcome == pb.STEP_OUTCOME_SKIPPED
    own.start()
    for _ in range(200):
        with contextlib.suppress(grpc.aio.AioRpcError):
            await gateway.update(saved, database="postgres")
            break
        await asyncio.sleep(0.05)
    assert (await gateway.get()).database == "postgres"
