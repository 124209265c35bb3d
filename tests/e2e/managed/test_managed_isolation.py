"""Two workspaces with the same names over two customers' databases never see each other: definitions, data, errors, log
lines, spans, and the rows of the DirectFlow database itself."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import grpc
import psycopg
import pytest
from directflow.conditions.v1 import condition_service_pb2, engagement_service_pb2, evaluation_service_pb2
from directflow.gateway.v1 import (
    connection_service_pb2,
    definition_service_pb2,
    engagement_store_service_pb2,
    query_service_pb2,
)
from directflow.segments.v1 import audience_service_pb2, data_source_service_pb2
from directflow_cli.definitions.kinds import CONDITION, CONNECTION, DATA_SOURCE
from directflow_runtime.errors import StatusCode
from google.api import resource_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

FILES = {
    "gateway-3": (
        query_service_pb2,
        connection_service_pb2,
        definition_service_pb2,
        engagement_store_service_pb2,
    ),
    "segments-2": (audience_service_pb2, data_source_service_pb2),
    "conditions-2": (condition_service_pb2, evaluation_service_pb2, engagement_service_pb2),
}
"""What refuses workspace b."""
NO_WORKSPACE = {"WatchDocuments"}
"""Its request names none: it tells of those that its caller may use."""
SAVED = {"connections": "customer", "dataSources": "people", "conditions": "adult"}
WITHOUT_WORKSPACE = {"migrations", "definition_counter"}
"""Tables that hold nothing of anybody."""
ROLES = ("owner", "writer", "reader")
TENDED = {"engagement_identities", "definition_requests"}
"""Of these the owner forgets what is too old, in every workspace: identities of events and of requests."""


# --- who may use one workspace is told nothing of another -------------------------------------------------------------


def methods() -> Iterator[Any]:
    """Every method there is: a new one is asked as well."""
    for process, files in FILES.items():
        for file in files:
            for service in file.DESCRIPTOR.services_by_name.values():
                for method in (one for one in service.methods if one.name not in NO_WORKSPACE):
                    yield pytest.param(process, method, id=f"{service.name}.{method.name}")


class Request:
    """A sound request about a workspace that is not the caller's: about what is there, or about what is not."""

    def __init__(self, exists: bool) -> None:
        self._exists = exists

    def name(self, collection: str) -> str:
        return f"workspaces/b/{collection}/{SAVED.get(collection, 'none') if self._exists else 'nothing'}"

    def filled(self, message: Message, depth: int = 0) -> Message:
        """With everything that is required, each choice made, and every name in workspace b."""
        for field in message.DESCRIPTOR.fields if depth < 6 else ():
            chosen = field.containing_oneof is not None and message.WhichOneof(field.containing_oneof.name)
            if chosen or (field.message_type is not None and field.message_type.GetOptions().map_entry):
                continue
            if field.is_repeated:
                getattr(message, field.name).extend([self._sample(field, depth)])
            elif field.message_type is not None:
                getattr(message, field.name).CopyFrom(self._sample(field, depth))
            else:
                setattr(message, field.name, self._sample(field, depth))
        return message

    def _sample(self, field: FieldDescriptor, depth: int) -> Any:
        if field.message_type is not None:
            return self.filled(GetMessageClass(field.message_type)(), depth + 1)
        if field.enum_type is not None:
            return field.enum_type.values[1].number
        match field.type:
            case FieldDescriptor.TYPE_STRING:
                return self._text(field)
            case FieldDescriptor.TYPE_BYTES:
                return b"x"
            case FieldDescriptor.TYPE_BOOL:
                return False
            case _:
                return 1

    def _text(self, field: FieldDescriptor) -> str:
        owner = field.containing_type
        reference = field.GetOptions().Extensions[resource_pb2.resource_reference]
        kind = reference.type or (field.name == "name" and owner.GetOptions().Extensions[resource_pb2.resource].type)
        if field.name == "parent":
            documents = owner.name == "ListDocumentsRequest"
            return "workspaces/b/dataSources" if documents else "workspaces/b"
        if kind:
            word = kind.rpartition("/")[2]
            return self.name(f"{word[0].lower()}{word[1:]}s")
        if field.name in ("name", "connection", "data_source", "condition", "conditions"):
            return self.name("dataSources")  # names of documents are of any kind
        return "word"


def called(channel: grpc.aio.Channel, method: MethodDescriptor, message: Message) -> Any:
    kinds = {
        (False, False): "unary_unary",
        (False, True): "unary_stream",
        (True, True): "stream_stream",
        (True, False): "stream_unary",
    }
    start = getattr(channel, kinds[method.client_streaming, method.server_streaming])(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=lambda one: one.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    return start(iter([message]) if method.client_streaming else message, timeout=20)


@pytest.mark.parametrize(("process", "method"), list(methods()))
async def test_a_workspace_that_is_not_the_callers_is_refused_in_the_same_words_whatever_is_in_it(
    clients: Any, failure: Any, process: str, method: MethodDescriptor
) -> None:
    said = []
    for exists in (True, False):
        message = Request(exists).filled(GetMessageClass(method.input_type)())
        error = await failure(called(clients.channels[process], method, message))
        assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED"), error.violations
        said.append((error.message, error.metadata, error.violations, error.problems))
    assert said[0] == said[1]
    assert "people" not in str(said)


async def test_a_watch_tells_of_the_callers_workspaces_and_of_no_other(clients: Any) -> None:
    for collection, id in SAVED.items():
        if collection == "connections":  # the gateway's own: nobody may watch them
            continue
        watch = clients.documents(3).WatchDocuments(definition_service_pb2.WatchDocumentsRequest(collection=collection))
        told = []
        async for message in watch:
            if message.WhichOneof("message") == "snapshot_end":
                break
            told.append(message.document.name)
        watch.cancel()
        assert f"workspaces/a/{collection}/{id}" in told
        assert {name.split("/")[1] for name in told} == {"a"}


async def test_every_workspace_at_once_is_every_workspace_of_the_caller(clients: Any) -> None:
    request = definition_service_pb2.ListDocumentsRequest(parent="workspaces/-/dataSources", page_size=1000)
    page = await clients.documents(3).ListDocuments(request, timeout=20)
    assert {document.name.split("/")[1] for document in page.documents} == {"a"}


# --- who may use both mixes up nothing --------------------------------------------------------------------------------


async def test_the_same_name_is_another_definition_other_people_and_another_answer(clients: Any) -> None:
    for workspace, count, four in (("a", 2_000, "TRUE"), ("b", 3_000, "FALSE")):
        people = await clients.audience(workspace)
        assert len(people) == count
        assert {mail.partition("@")[2] for mail in people.values()} == {f"{workspace}.example"}
        assert await clients.evaluate("4", workspace) == four
        source = await clients.get(DATA_SOURCE, "people", workspace)
        assert source.connection == f"workspaces/{workspace}/connections/customer"


async def test_single_calls_of_two_workspaces_at_the_same_moment_share_no_statement(clients: Any) -> None:
    """Calls at once are answered by common statements: those of one workspace."""
    profiles = [str(number) for number in range(1, 101)]
    asked = [(profile, workspace) for profile in profiles for workspace in ("a", "b")]
    answers = await asyncio.gather(*(clients.evaluate(profile, workspace) for profile, workspace in asked))
    for (profile, workspace), answer in zip(asked, answers, strict=True):
        even_ones_are_adults = workspace == "a"
        assert answer == ("TRUE" if (int(profile) % 2 == 0) == even_ones_are_adults else "FALSE")


async def test_what_one_workspace_deletes_and_changes_is_there_in_the_other(clients: Any) -> None:
    for workspace in ("a", "b"):
        await clients.create(CONDITION, "twin", clients.make_adult(workspace), workspace)
    await clients.delete(CONDITION, "twin", "a")
    assert "twin" not in await clients.ids(CONDITION, "a")
    assert "twin" in await clients.ids(CONDITION, "b")
    assert len(await clients.revisions(CONDITION, "twin", "b")) == 1
    assert len(await clients.revisions(CONDITION, "twin", "a")) == 2


async def test_a_definition_cannot_name_what_is_in_another_workspace_and_learns_nothing_of_it(
    clients: Any, failure: Any
) -> None:
    said = []
    for there in ("customer", "nothing"):
        source = clients.make_people("a", connection=f"workspaces/b/connections/{there}")
        error = await failure(clients.create(DATA_SOURCE, "across", source))
        assert error.code in (StatusCode.INVALID_ARGUMENT, StatusCode.FAILED_PRECONDITION)
        said.append(str(error.message) + str(error.violations) + str(error.problems))
    assert said[0].replace("customer", "nothing") == said[1]
    for there in ("adult", "nothing"):
        leaf = condition_service_pb2.Expression(condition=f"workspaces/b/conditions/{there}")
        error = await failure(clients.create(CONDITION, "across", condition_service_pb2.Condition(expression=leaf)))
        assert error.code in (StatusCode.INVALID_ARGUMENT, StatusCode.FAILED_PRECONDITION)
        said.append(str(error.message) + str(error.violations) + str(error.problems))
    assert said[2].replace("adult", "nothing") == said[3]


async def test_an_error_speaks_of_its_own_database_alone(clients: Any, failure: Any) -> None:
    """A column that only the other customer has does not exist, and is not suggested."""
    source = clients.make_people("a", "SELECT id AS profile_id, email, secret_of_b FROM people")
    error = await failure(clients.create(DATA_SOURCE, "curious", source))
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN")
    problem = next(problem for problem in error.problems if problem.rule == "UNDEFINED_COLUMN")
    assert "people.secret_of_b" not in problem.hint
    assert "workspaces/b" not in str(error.message) + str(error.problems) + str(error.metadata)


async def test_log_lines_and_spans_of_one_workspace_do_not_speak_of_the_other(
    system: Any, clients: Any, failure: Any, eventually: Any
) -> None:
    known = set(system.spans.trace_ids())
    for workspace in ("a", "b"):
        await clients.audience(workspace)
        await clients.batch(["1", "2"], workspace)
        broken = clients.make_people(workspace, "SELECT id AS profile_id, email, nothing FROM people")
        await failure(clients.create(DATA_SOURCE, "broken", broken, workspace))
    new = [trace for trace in system.spans.trace_ids() if trace not in known]

    async def told() -> bool:
        lines = [line for name in system.processes for line in system.log_lines(name)]
        return all(any(f"workspaces/{w}/" in json.dumps(line) for line in lines) for w in ("a", "b"))

    await eventually(told)
    for name in system.processes:
        for line in system.log_lines(name):
            text = json.dumps(line)
            assert not ("workspaces/a" in text and "workspaces/b" in text), text
            assert ".example" not in text
    for trace in new:
        text = " ".join(f"{span.name} {span.attributes}" for span in system.spans.trace(trace))
        assert not ("workspaces/a" in text and "workspaces/b" in text), text


# --- the DirectFlow database itself -----------------------------------------------------------------------------------


@pytest.fixture
def login(system: Any) -> Any:
    """`login("reader")`: a session as somebody who has stolen the gateway's credential file."""

    def open_session(role: str) -> psycopg.Connection[Any]:
        found = system.own.roles[role]
        return psycopg.connect(system.own_server.dsn(system.own.database, found), autocommit=True)

    return open_session


TABLES = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
       EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'workspace')
FROM pg_class c WHERE c.relnamespace = 'directflow'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1
"""


def test_every_table_that_holds_something_of_a_workspace_is_under_forced_row_level_security(system: Any) -> None:
    tables = system.own_rows(TABLES)
    assert {name for name, _, of_workspaces in tables if not of_workspaces} == WITHOUT_WORKSPACE
    assert [name for name, forced, of_workspaces in tables if of_workspaces and not forced] == []


@pytest.mark.parametrize("role", ROLES)
def test_no_login_sees_a_workspace_that_it_has_not_set_in_any_table(system: Any, login: Any, role: str) -> None:
    """What it may not read at all counts as unseen; by now both workspaces have rows."""
    seen: dict[str, set[str]] = {}
    with login(role) as session:
        tables = {name for name, _, of_workspaces in system.own_rows(TABLES) if of_workspaces}
        for table in tables - (TENDED if role == "owner" else set()):
            query = f"SELECT DISTINCT workspace FROM directflow.{table}"
            try:
                assert session.execute(query).fetchall() == []
                with session.transaction():
                    session.execute("SELECT set_config('directflow.workspace', 'a', true)")
                    seen[table] = {workspace for (workspace,) in session.execute(query)}
            except psycopg.errors.InsufficientPrivilege:
                continue
    assert seen, "a role that may read nothing shows nothing"
    assert set().union(*seen.values()) == {"a"}


@pytest.mark.parametrize("role", ROLES)
def test_no_login_can_lift_row_level_security(login: Any, role: str) -> None:
    with login(role) as session:
        for attempt in (
            "SET row_security = off; SELECT * FROM directflow.definition_documents",
            "ALTER ROLE CURRENT_USER BYPASSRLS",
            "SET SESSION AUTHORIZATION postgres",
            "COPY directflow.definition_documents TO PROGRAM 'cat'",
        ):
            with pytest.raises(psycopg.Error):
                session.execute(attempt)


async def test_the_store_knows_both_and_the_same_names_are_two_documents(system: Any, clients: Any) -> None:
    rows = system.own_rows(
        "SELECT workspace, name FROM directflow.definition_documents WHERE name LIKE '%/customer' ORDER BY 1"
    )
    assert rows == [(w, CONNECTION.full_name(w, "customer")) for w in ("a", "b")]
