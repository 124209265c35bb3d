"""Workspaces are kept apart by row level security, collections by their owners, and roles by their grants."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from directflow.gateway.v1 import definition_service_pb2 as pb
from directflow_runtime.errors import StatusCode
from google.protobuf.duration_pb2 import Duration

NOT_ALLOWED = (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")
INVALID = (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
WORKSPACE = "SELECT set_config('directflow.workspace', %s, true)"
WATCHED = "SELECT set_config('directflow.watched_workspaces', %s, true)"
TABLES = ("definition_revisions", "definition_documents", "definition_references", "definition_requests")


@pytest.fixture
async def filled(gateway: Any) -> Any:
    """Two workspaces with a document of the same name, that uses another, each."""
    for workspace in (f"{gateway.workspace}-one", f"{gateway.workspace}-two"):
        used = await gateway.put("used", workspace=workspace)
        await gateway.put("same", workspace.encode(), workspace=workspace, references=[used.name])
    return gateway


def seen(session: Any, table: str) -> set[str]:
    return {name for (name,) in session.execute(f"SELECT DISTINCT workspace FROM directflow.{table}")}


@pytest.mark.parametrize(
    ("role", "tables"),
    [("owner", TABLES[:3]), ("reader", TABLES[:2]), ("writer", TABLES[1:])],
)
async def test_a_role_sees_the_workspace_that_it_has_set_and_without_one_nothing(
    filled: Any, role: str, tables: Any
) -> None:
    one = f"{filled.workspace}-one"
    with filled.session_of(role) as session:
        for table in tables:
            assert seen(session, table) == set()
            with session.transaction():
                session.execute(WORKSPACE, [one])
                assert seen(session, table) == {one}


@pytest.mark.parametrize("role", ["owner", "writer"])
async def test_who_can_write_sees_no_further_workspace_by_watching(filled: Any, role: str) -> None:
    with filled.session_of(role) as session, session.transaction():
        session.execute(WATCHED, ["*"])
        assert seen(session, "definition_documents") == set()


async def test_a_watch_reads_the_workspaces_that_it_has_set(filled: Any) -> None:
    one, two = f"{filled.workspace}-one", f"{filled.workspace}-two"
    with filled.session_of("reader") as session:
        session.read_only = True
        for listed, expected in ((one, {one}), (f"{one},{two}", {one, two}), ("", set())):
            with session.transaction():
                session.execute(WATCHED, [listed])
                assert seen(session, "definition_revisions") == expected
        with session.transaction():
            session.execute(WATCHED, ["*"])
            assert {one, two} <= seen(session, "definition_revisions")


async def test_a_workspace_cannot_be_written_for_another(filled: Any) -> None:
    insert = "INSERT INTO directflow.definition_references VALUES (%s, 'name', 'target')"
    with filled.session_of("writer") as session, session.transaction():
        session.execute(WORKSPACE, [f"{filled.workspace}-one"])
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            session.execute(insert, [f"{filled.workspace}-two"])


FORBIDDEN = {
    "reader": [
        "SELECT * FROM directflow.definition_references",
        "SELECT * FROM directflow.definition_requests",
        "UPDATE directflow.definition_counter SET revision = 0",
        "INSERT INTO directflow.definition_references VALUES ('w', 'n', 't')",
        "DELETE FROM directflow.definition_revisions",
    ],
    "writer": [
        "SELECT * FROM directflow.definition_revisions",
        "UPDATE directflow.definition_revisions SET author = ''",
        "DELETE FROM directflow.definition_revisions",
        "DELETE FROM directflow.definition_documents",
        "DELETE FROM directflow.definition_counter",
        "DELETE FROM directflow.definition_requests",
        "TRUNCATE directflow.definition_documents",
    ],
}


@pytest.mark.parametrize("role", FORBIDDEN)
async def test_a_role_may_do_nothing_but_its_work(filled: Any, role: str) -> None:
    with filled.session_of(role) as session:
        for statement in FORBIDDEN[role]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement)


async def test_the_same_name_in_two_workspaces_is_two_documents(filled: Any) -> None:
    one, two = f"{filled.workspace}-one", f"{filled.workspace}-two"
    await filled.delete("same", workspace=one)
    await filled.delete("used", workspace=one)
    assert (await filled.get("same", workspace=two)).body == two.encode()
    error = await filled.failure(filled.delete("used", workspace=two))
    assert error.reason == "RESOURCE_IN_USE"
    assert one not in error.message


async def test_a_document_cannot_use_one_of_another_workspace(filled: Any) -> None:
    theirs = filled.name("used", workspace=f"{filled.workspace}-two")
    error = await filled.failure(filled.put("mine", references=[theirs]))
    assert (error.code, error.reason) == INVALID
    assert [violation.field for violation in error.violations] == ["document.references[0]"]


def every_call(gateway: Any, **where: Any) -> list[Any]:
    return [
        gateway.get("one", **where),
        gateway.put("one", **where),
        gateway.delete("one", **where),
    ]


@pytest.fixture
def open_as(postgres: Any, shared_database: Any, open_gateway: Any) -> Callable[..., Any]:
    """`await open_as(workspaces)`: a gateway whose caller may use these workspaces."""

    async def open_it(*workspaces: str, section: Any = shared_database, **more: Any) -> Any:
        callers = [{"name": "development", "services": ["directflow."], "workspaces": workspaces}]
        return await open_gateway(postgres, section, callers=callers, **more)

    return open_it


async def test_a_workspace_that_is_not_the_callers_is_refused_whether_or_not_it_is_there(open_as: Any) -> None:
    gateway = await open_as("mine", section=None)
    for call in (*every_call(gateway), gateway.listed(), gateway.revisions("one")):
        error = await gateway.failure(call)
        assert (error.code, error.reason) == NOT_ALLOWED


@pytest.mark.parametrize("collection", ["connections", "nothings", "conditions"])
async def test_a_collection_that_is_not_the_callers_is_refused_before_anything_is_looked_up(
    open_as: Any, collection: str
) -> None:
    gateway = await open_as("*", section=None, definitions={"owners": {"dataSources": "segments"}})
    parent = f"workspaces/{gateway.workspace}/{collection}"
    calls = [*every_call(gateway, collection=collection), gateway.listed(parent)]
    calls.append(gateway.told(gateway.watch(collection=collection)))
    for call in calls:
        error = await gateway.failure(call)
        assert (error.code, error.reason) == NOT_ALLOWED


async def test_connections_can_be_given_to_nobody(open_as: Any) -> None:
    with pytest.raises(ValueError, match="connections belong to the gateway"):
        await open_as("*", definitions={"owners": {"connections": "segments"}})


async def test_without_a_database_every_method_says_so(open_as: Any) -> None:
    gateway = await open_as("*", section=None)
    calls = [*every_call(gateway), gateway.listed(), gateway.revisions("one"), gateway.told(gateway.watch())]
    for call in calls:
        error = await gateway.failure(call)
        assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "STORE_NOT_CONFIGURED")


@pytest.mark.parametrize("id", ["", "a b", "-a", "a/b/c", "x" * 64, "ä", "a.b"])
async def test_what_is_no_name_is_refused(gateway: Any, id: str) -> None:
    for call in (gateway.get(id), gateway.put(id), gateway.delete(id), gateway.revisions(id)):
        error = await gateway.failure(call)
        assert (error.code, error.reason) == INVALID
        assert [violation.reason for violation in error.violations] == ["RESOURCE_NAME"]


async def test_everything_that_is_wrong_with_a_document_is_told_at_once(gateway: Any) -> None:
    put = gateway.put(
        "one",
        b"x" * 1_048_577,
        request_id="r" * 257,
        content_type="c" * 257,
        author="a" * 257,
        references=["nonsense"],
        statements=[b"d" * 65],
    )
    error = await gateway.failure(put)
    assert (error.code, error.reason) == INVALID
    assert {violation.field for violation in error.violations} == {
        "document.body", "document.content_type", "document.author", "request_id", "document.references[0]",
        "document.statements[0]",
    }  # fmt: skip


async def test_references_and_statements_are_bounded(gateway: Any) -> None:
    many = [f"workspaces/{gateway.workspace}/conditions/c{number}" for number in range(1001)]
    error = await gateway.failure(gateway.put("one", references=many, statements=[b"%d" % n for n in range(101)]))
    assert [violation.field for violation in error.violations] == ["document.references", "document.statements"]


@pytest.mark.parametrize("heartbeat_s", [-1, 0.5, 61, 2**62])
async def test_a_watch_without_a_sensible_heartbeat_is_refused(gateway: Any, heartbeat_s: float) -> None:
    whole = int(heartbeat_s)
    interval = Duration(seconds=whole, nanos=round((heartbeat_s - whole) * 1e9))
    request = pb.WatchDocumentsRequest(collection="dataSources", heartbeat_interval=interval)
    error = await gateway.failure(gateway.stub.WatchDocuments(request).read())
    assert (error.code, error.reason) == INVALID
    assert [violation.field for violation in error.violations] == ["heartbeat_interval"]
