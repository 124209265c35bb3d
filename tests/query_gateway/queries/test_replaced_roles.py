"""A role that may no longer read, under a call: its successor is asked before a customer's grants are blamed."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pyarrow as pa
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role
from directflow_gateway.queries.diagnosis import diagnose
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.replaced_role import streams_again
from directflow_gateway.queries.rows import Arrangement, count_rows, stream_rows
from directflow_gateway.queries.sets.evaluating import evaluate
from directflow_gateway.queries.sets.tuples import Tuples
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_gateway.sql import Kind, Variable
from directflow_runtime.errors import DirectFlowError, Severity, StatusCode

MakeStatement = Callable[..., Statement]


@pytest.fixture
def secrets_table(postgres: PostgresServer, customer: str, stand: Any) -> str:
    """A table that only the present role may read."""
    postgres.psql(
        "DROP TABLE IF EXISTS vault_like; CREATE TABLE vault_like AS SELECT generate_series(1, 1000) AS id;"
        f'GRANT SELECT ON vault_like TO "{stand.role.name}"',
        database=customer,
    )
    return "vault_like"


@pytest.fixture
def replace_role(
    postgres: PostgresServer, customer: str, stand: Any, secrets_table: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Role]:
    """Takes the right from the role and gives it to a new one, whose login is the credential from now on. The next one
    who suspects the credential is let through at once."""
    present: Role = stand.role

    def replace() -> Role:
        nonlocal present
        successor = postgres.create_role("LOGIN")
        postgres.psql(
            f'REVOKE ALL ON {secrets_table} FROM "{present.name}"; '
            f'GRANT SELECT ON {secrets_table} TO "{successor.name}"',
            database=customer,
        )
        stand.write_secret(successor.password, successor.name)
        present = successor
        return successor

    monkeypatch.setattr("directflow_gateway.credentials.keyring.FORCED_S", 0.0)
    return replace


async def count(engine: QueryEngine, asked: Statement) -> int:
    return (await count_rows(engine, asked, {}))[0]


async def test_a_call_whose_role_lost_its_right_to_a_successor_is_answered(
    engine: QueryEngine, statement: MakeStatement, stand: Any, replace_role: Callable[[], Role]
) -> None:
    asked = statement("SELECT id FROM vault_like")
    assert await count(engine, asked) == 1000
    successor = replace_role()
    started = time.monotonic()
    assert await asyncio.gather(*(count(engine, asked) for _ in range(20))) == [1000] * 20
    assert time.monotonic() - started < 2
    async with stand.transaction() as session:
        assert session.pgconn.user.decode() == successor.name


async def test_streams_sets_and_descriptions_as_well(
    engine: QueryEngine,
    statement: MakeStatement,
    replace_role: Callable[[], Role],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("directflow_gateway.pools.suspicion.SUSPECT_S", 0.0)
    asked = statement("SELECT id FROM vault_like")
    template = "SELECT id > 10 AS result FROM vault_like WHERE id = '<%= n %>'"
    condition = statement(template, Variable("n", Kind.INTEGER), role=StatementRole.CONDITION)

    async def streamed() -> int:
        async with aclosing(stream_rows(engine, asked, {}, Arrangement())) as events:
            return sum([event.num_rows async for event in events if isinstance(event, pa.RecordBatch)])

    async def evaluated() -> int:
        return len((await evaluate(engine, condition, Tuples.of(3, {}, {"n": [1, 11, 5000]}))).letters)

    async def described() -> int:
        return sum(problem.severity is Severity.ERROR for problem in (await diagnose(engine, asked)).problems)

    for work, told in ((streamed, 1000), (evaluated, 3), (described, 0)):
        assert await work() == told
        replace_role()
        assert await work() == told


async def test_a_stream_that_has_begun_is_not_begun_again(
    engine: QueryEngine, statement: MakeStatement, replace_role: Callable[[], Role]
) -> None:
    begun = 0

    @streams_again
    async def cut(engine: QueryEngine, asked: Statement, /) -> AsyncGenerator[int, None]:
        nonlocal begun
        begun += 1
        yield 0
        yield await count(engine, asked)
        replace_role()
        raise DirectFlowError(StatusCode.FAILED_PRECONDITION, "PERMISSION_DENIED_BY_DATABASE", "", sqlstate="42501")

    told: list[int] = []

    async def read() -> None:
        async for event in cut(engine, statement("SELECT id FROM vault_like")):
            told.append(event)

    with pytest.raises(DirectFlowError) as error:
        await read()
    assert (told, begun) == ([0, 1000], 1)
    assert (error.value.code, error.value.metadata) == (StatusCode.UNAVAILABLE, {"cause": "CREDENTIAL_REPLACED"})
    assert error.value.retry_after


async def test_a_grant_that_is_missing_is_told_and_the_source_is_not_asked_again_and_again(
    engine: QueryEngine,
    statement: MakeStatement,
    stand: Any,
    postgres: PostgresServer,
    customer: str,
    secrets_table: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    postgres.psql(f'REVOKE ALL ON {secrets_table} FROM "{stand.role.name}"', database=customer)
    keyring, looks = stand.keyrings.of(stand.connection), 0
    recheck = keyring.recheck

    async def counted() -> Any:
        nonlocal looks
        looks += 1
        return await recheck()

    monkeypatch.setattr(keyring, "recheck", counted)
    for _ in range(10):
        with pytest.raises(DirectFlowError) as error:
            await count(engine, statement("SELECT id FROM vault_like"))
        assert (error.value.reason, error.value.sqlstate) == ("PERMISSION_DENIED_BY_DATABASE", "42501")
    assert looks == 1


async def test_a_stream_that_has_only_its_opening_is_begun_again_and_has_one(
    engine: QueryEngine, statement: MakeStatement, replace_role: Callable[[], Role]
) -> None:
    """The role goes between EXPLAIN and the statement."""
    begun = 0

    @streams_again
    async def cut(engine: QueryEngine, asked: Statement, /) -> AsyncGenerator[int, None]:
        nonlocal begun
        begun += 1
        yield -begun
        if begun == 1:
            await count(engine, asked)
            replace_role()
            raise DirectFlowError(StatusCode.FAILED_PRECONDITION, "PERMISSION_DENIED_BY_DATABASE", "", sqlstate="42501")
        yield await count(engine, asked)

    asked = statement("SELECT id FROM vault_like")
    assert [event async for event in cut(engine, asked)] == [-2, 1000]


async def test_a_stream_of_an_opening_alone_has_it(engine: QueryEngine, statement: MakeStatement) -> None:
    @streams_again
    async def empty(engine: QueryEngine, asked: Statement, /) -> AsyncGenerator[str, None]:
        yield "opening"

    assert [event async for event in empty(engine, statement("SELECT id FROM vault_like"))] == ["opening"]
