"""The gateway runs a statement that somebody saved in its workspace, or for an identity that may define."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from directflow.gateway.v1 import query_service_pb2 as pb
from directflow.gateway.v1 import query_service_pb2_grpc as stubs
from directflow.sql.v1 import sql_pb2
from directflow_cli.dev.postgres import PostgresServer
from directflow_runtime.definitions.statement_digest import DigestedVariable, statement_digest
from directflow_runtime.errors import StatusCode

UNKNOWN = (StatusCode.PERMISSION_DENIED, "STATEMENT_UNKNOWN")
NOT_ALLOWED = (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")
TEMPLATE = "SELECT 'ada' AS profile_id, 'a@b.example' AS email, <%= n %>::int AS n"
PLATFORM = [{"name": "development", "services": ["directflow."], "workspaces": ["*"]}]
"""A caller that may not define; on loopback it has no other name."""


@pytest.fixture
def customer(postgres: PostgresServer, postgres_database: str, tmp_path: Any) -> Callable[[str], dict[str, Any]]:
    """`customer(workspace)`: settings with a customer's connection in that workspace."""
    role = postgres.create_role("LOGIN")

    def settings(workspace: str) -> dict[str, Any]:
        login = json.dumps({"username": role.name, "password": role.password})
        (tmp_path / f"{workspace}.main.json").write_text(login)
        connection = {
            "workspace": workspace, "id": "main", "host": postgres.host, "port": postgres.port,
            "database": postgres_database, "sslmode": "disable",
        }  # fmt: skip
        return {
            "connections": [connection],
            "credentials": {"path": f"{tmp_path}/{{workspace}}.{{connection}}.json"},
            "egress": {"allow_loopback": True},
        }

    return settings


def statement(gateway: Any, workspace: str = "", template: str = TEMPLATE) -> pb.Statement:
    return pb.Statement(
        connection=f"workspaces/{workspace or gateway.workspace}/connections/main",
        template=template,
        role=pb.STATEMENT_ROLE_GENERATOR,
        variables=[sql_pb2.Variable(name="n", kind=sql_pb2.VARIABLE_KIND_INTEGER)],
    )


def digest(message: pb.Statement) -> bytes:
    return statement_digest(
        message.connection, "generator", message.template, [DigestedVariable("n", "integer", is_list=False)]
    )


async def rows(gateway: Any, asked: pb.Statement) -> int:
    """How many rows the statement gives, as a caller counts them."""
    request = pb.CountQueryRequest(statement=asked, values={"n": sql_pb2.Value(integer=7)})
    answer = await stubs.QueryServiceStub(gateway.channel).CountQuery(request, timeout=20)
    return int(answer.row_count)


async def refusal(gateway: Any, call: Any) -> tuple[StatusCode, str]:
    error = await gateway.failure(call)
    return error.code, error.reason


@pytest.fixture
async def author(gateway: Any) -> Any:
    """Who saves; he may define."""
    return gateway


@pytest.fixture
def open_platform(
    postgres: Any, shared_database: Any, open_gateway: Any, author: Any, customer: Any
) -> Callable[..., Any]:
    """`await open_platform()`: another replica, whose caller may not define."""

    async def open_it(**definitions: Any) -> Any:
        return await open_gateway(
            postgres, shared_database, callers=PLATFORM, definitions=definitions, **customer(author.workspace)
        )

    return open_it


@pytest.fixture
async def platform(open_platform: Any) -> Any:
    return await open_platform()


async def test_a_statement_that_nobody_saved_does_not_run(author: Any, platform: Any) -> None:
    asked = statement(author)
    await author.put("one", statements=[digest(asked)])
    changed = statement(author, template=TEMPLATE + " ")
    assert await refusal(platform, rows(platform, changed)) == UNKNOWN


async def test_a_statement_runs_at_once_when_it_was_saved_on_another_replica(author: Any, platform: Any) -> None:
    for turn in range(5):
        asked = statement(author, template=f"{TEMPLATE} -- {turn}")
        assert await refusal(platform, rows(platform, asked)) == UNKNOWN
        await author.put(f"document-{turn}", statements=[digest(asked)])
        assert await rows(platform, asked) == 1


async def test_a_statement_of_another_workspace_does_not_run(author: Any, platform: Any) -> None:
    asked = statement(author)
    await author.put("one", workspace=f"{author.workspace}b", statements=[digest(asked)])
    assert await refusal(platform, rows(platform, asked)) == UNKNOWN


async def test_every_method_that_runs_a_statement_asks(author: Any, platform: Any) -> None:
    stub, asked = stubs.QueryServiceStub(platform.channel), statement(author)
    condition = pb.Statement(connection=asked.connection, template="SELECT true", role=pb.STATEMENT_ROLE_CONDITION)
    tuples = pb.Tuples(row_count=1, names=["n"], columns=[sql_pb2.Column(integers=[7])])
    calls = [
        stub.CountQuery(pb.CountQueryRequest(statement=asked), timeout=20),
        stub.CountQuery(pb.CountQueryRequest(statement=asked, mode=pb.COUNT_MODE_ESTIMATE), timeout=20),
        stub.StreamQuery(pb.StreamQueryRequest(statement=asked), timeout=20).read(),
        stub.EvaluateSet(pb.EvaluateSetRequest(statement=condition, tuples=tuples), timeout=20),
        stub.FetchSet(pb.FetchSetRequest(statement=asked, tuples=tuples), timeout=20).read(),
        stub.ExplainRow(
            pb.ExplainRowRequest(statement=asked, key_column="profile_id", key="ada", columns=["n"]), timeout=20
        ),
    ]
    for call in calls:
        assert await refusal(platform, call) == UNKNOWN


async def test_what_a_newer_revision_replaced_runs_on_for_the_grace_alone(author: Any, open_platform: Any) -> None:
    old, new = statement(author), statement(author, template=TEMPLATE + " -- new")
    first = await author.put("one", statements=[digest(old)])
    patient, strict = await open_platform(), await open_platform(superseded_grace_s=0)
    assert await rows(patient, old) == await rows(strict, old) == 1

    await author.put("one", etag=first.etag, statements=[digest(new)])

    assert await rows(patient, new) == await rows(strict, new) == 1
    assert await rows(patient, old) == 1
    assert await refusal(strict, rows(strict, old)) == UNKNOWN


async def test_a_replica_that_starts_knows_what_was_replaced_a_moment_ago(author: Any, open_platform: Any) -> None:
    old, gone = statement(author), statement(author, template=TEMPLATE + " -- gone")
    first = await author.put("one", statements=[digest(old)])
    await author.put("one", etag=first.etag)
    await author.put("two", statements=[digest(gone)])
    await author.delete("two")

    patient, strict = await open_platform(), await open_platform(superseded_grace_s=0)

    assert await rows(patient, old) == await rows(patient, gone) == 1
    assert await refusal(strict, rows(strict, old)) == UNKNOWN
    assert await refusal(strict, rows(strict, gone)) == UNKNOWN


async def test_an_identity_that_may_define_runs_what_it_likes(
    postgres: Any, shared_database: Any, open_gateway: Any, customer: Any
) -> None:
    gateway = await open_gateway(postgres, shared_database, **customer("acme"))
    assert await rows(gateway, statement(gateway, "acme")) == 1


async def test_without_a_database_only_identities_that_may_define_run_anything(
    postgres: Any, open_gateway: Any, customer: Any
) -> None:
    platform = await open_gateway(postgres, None, callers=PLATFORM, **customer("acme"))
    error = await platform.failure(rows(platform, statement(platform, "acme")))
    assert (error.code, error.reason) == UNKNOWN
    assert "no database of its own" in error.message
    author = await open_gateway(postgres, None, **customer("acme"))
    assert await rows(author, statement(author, "acme")) == 1


@pytest.mark.parametrize(("owners", "outcome"), [({"dataSources": "development"}, None), ({}, NOT_ALLOWED)])
async def test_owners_of_a_collection_may_describe_what_they_may_not_run(
    author: Any, open_platform: Any, owners: Any, outcome: Any
) -> None:
    platform = await open_platform(owners=owners)
    request = pb.DescribeQueryRequest(statement=statement(author))
    call = stubs.QueryServiceStub(platform.channel).DescribeQuery(request, timeout=20)
    if outcome is None:
        assert (await call).report.queries[0].schema.columns
        assert await refusal(platform, rows(platform, statement(author))) == UNKNOWN
    else:
        assert await refusal(platform, call) == outcome


async def compared(gateway: Any, first: pb.Statement, second: pb.Statement) -> list[Any]:
    """The messages of a difference between two statements."""
    request = pb.StreamDifferenceRequest(
        first=first, second=second, values={"n": sql_pb2.Value(integer=7)}, key_column="profile_id"
    )
    return [message async for message in stubs.QueryServiceStub(gateway.channel).StreamDifference(request, timeout=20)]


@pytest.mark.parametrize(("owners", "outcome"), [({"dataSources": "development"}, None), ({}, NOT_ALLOWED)])
async def test_owners_of_a_collection_may_compare_a_saved_statement_with_a_changed_one(
    author: Any, open_platform: Any, owners: Any, outcome: Any
) -> None:
    platform = await open_platform(owners=owners)
    saved, changed = statement(author), statement(author, template=TEMPLATE.replace("ada", "grace"))
    await author.put("compared", statements=[digest(saved)])
    if outcome is None:
        assert (await compared(platform, saved, changed))[-1].HasField("summary")
        assert await refusal(platform, compared(platform, changed, saved)) == UNKNOWN
    else:
        assert await refusal(platform, compared(platform, saved, changed)) == outcome


@pytest.fixture
def own_server(postgres_installation: Any) -> Iterator[PostgresServer]:
    """For DirectFlow's own database alone, to stop; the customer's stays up."""
    with PostgresServer.create(postgres_installation) as server:
        yield server


async def test_saved_statements_run_on_while_the_database_is_away(
    postgres: Any, own_server: PostgresServer, own_database: Any, open_gateway: Any, customer: Any
) -> None:
    section = own_database(own_server)
    author = await open_gateway(own_server, section)
    platform = await open_gateway(own_server, section, callers=PLATFORM, **customer(author.workspace))
    asked, unknown = statement(author), statement(author, template=TEMPLATE + " -- unknown")
    await author.put("one", statements=[digest(asked)])
    assert await rows(platform, asked) == 1

    await asyncio.to_thread(own_server.stop)

    assert await rows(platform, asked) == 1
    assert (await refusal(platform, rows(platform, unknown))) == (StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
    stream = platform.watch()
    assert (await refusal(platform, platform.told(stream))) == (StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")

    await asyncio.to_thread(own_server.start)
    later = statement(author, template=TEMPLATE + " -- later")
    async with asyncio.timeout(15):
        while True:
            with suppress(grpc.aio.AioRpcError):
                await author.put("two", statements=[digest(later)], request_id="the same")
                break
    async with asyncio.timeout(15):
        while True:
            with suppress(grpc.aio.AioRpcError):
                assert await rows(platform, later) == 1
                break
