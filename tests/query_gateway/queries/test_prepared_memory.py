"""What is prepared once is not asked again, except where another answer is possible."""

import asyncio
import time
from dataclasses import replace

import pytest
from directflow_gateway.connections import Connection
from directflow_gateway.description import Description
from directflow_gateway.queries.prepared import CompiledStatements, PreparedQueries, PreparedQuery, cache_key
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_gateway.sql import CompiledStatement, Kind, Variable, compile_template
from directflow_runtime.errors import DirectFlowError

MAIN = Connection(workspace="acme", id="main", host="db.example.com", database="crm")
STATEMENT = Statement(MAIN.name, "SELECT 1", StatementRole.AD_HOC)


def prepared(statement: Statement = STATEMENT) -> PreparedQuery:
    return PreparedQuery(statement, MAIN, Description(compile_template(statement.template), (), ()))


def key(statement: Statement = STATEMENT) -> tuple[str, str, str, str, bytes]:
    return cache_key(MAIN, "1", statement)


@pytest.mark.parametrize(
    "other",
    [
        cache_key(replace(MAIN, workspace="other"), "1", STATEMENT),
        cache_key(replace(MAIN, id="replica"), "1", STATEMENT),
        cache_key(replace(MAIN, database="erp"), "1", STATEMENT),
        cache_key(replace(MAIN, allowed_functions=frozenset({"f"})), "1", STATEMENT),
        cache_key(MAIN, "2", STATEMENT),
        key(replace(STATEMENT, template="SELECT 2")),
        key(replace(STATEMENT, role=StatementRole.CONDITION)),
        key(replace(STATEMENT, variables=(Variable("a"),))),
        key(replace(STATEMENT, key_column="slug")),
        key(replace(STATEMENT, allowed_functions=frozenset({"f"}))),
    ],
)
def test_what_may_mean_something_else_has_a_key_of_its_own(other: object) -> None:
    assert other != key()


def test_kinds_and_lists_are_told_apart() -> None:
    forms = [Variable("a"), Variable("a", Kind.INTEGER), Variable("a", Kind.INTEGER, is_list=True), Variable("b")]
    assert len({key(replace(STATEMENT, variables=(form,))) for form in forms}) == 4


def test_a_label_changes_no_key() -> None:
    assert key(replace(STATEMENT, definition="segments/weekly", revision=7)) == key()


def test_the_least_recently_used_is_forgotten_first() -> None:
    memory = PreparedQueries(capacity=2)
    statements = [replace(STATEMENT, template=f"SELECT {n}") for n in range(3)]
    memory.put(key(statements[0]), prepared(statements[0]))
    memory.put(key(statements[1]), prepared(statements[1]))
    assert memory.get(key(statements[0]))
    memory.put(key(statements[2]), prepared(statements[2]))
    assert [memory.get(key(s)) is not None for s in statements] == [True, False, True]


def test_an_entry_is_trusted_for_a_time_only() -> None:
    memory = PreparedQueries(trusted_for_s=60)
    memory.put(key(), replace(prepared(), checked_at=time.monotonic() - 59))
    assert memory.get(key())
    memory.put(key(), replace(prepared(), checked_at=time.monotonic() - 61))
    assert memory.get(key()) is None


def test_what_is_forgotten_is_gone_and_may_be_forgotten_twice() -> None:
    memory = PreparedQueries()
    memory.put(key(), prepared())
    memory.forget(key())
    memory.forget(key())
    assert memory.get(key()) is None


class Compiler:
    """Counts; refuses when told so."""

    def __init__(self) -> None:
        self.runs = 0
        self.refuses = False

    def __call__(self) -> CompiledStatement:
        self.runs += 1
        return compile_template("DELETE FROM users" if self.refuses else "SELECT 1")


@pytest.fixture
def compiler() -> Compiler:
    return Compiler()


async def test_a_statement_is_compiled_once_under_the_same_rights(compiler: Compiler) -> None:
    memory = CompiledStatements()
    first, second = [await memory.get(STATEMENT, frozenset(), compiler) for _ in range(2)]
    assert first is second
    await memory.get(STATEMENT, frozenset({"f"}), compiler)
    assert compiler.runs == 2


async def test_a_refusal_is_not_remembered(compiler: Compiler) -> None:
    memory = CompiledStatements()
    compiler.refuses = True
    with pytest.raises(DirectFlowError):
        await memory.get(STATEMENT, frozenset(), compiler)
    compiler.refuses = False
    assert (await memory.get(STATEMENT, frozenset(), compiler)).text == "SELECT 1"


async def test_compilations_are_bounded(compiler: Compiler) -> None:
    memory = CompiledStatements(capacity=2)
    for n in (0, 1, 2, 0):
        await memory.get(replace(STATEMENT, template=f"SELECT {n}"), frozenset(), compiler)
    assert compiler.runs == 4


async def test_compiling_does_not_hold_up_the_loop() -> None:
    """Other calls are served meanwhile: the compiler blocks until the loop has run."""
    turned = asyncio.Event()
    loop = asyncio.get_running_loop()

    def blocking() -> CompiledStatement:
        asyncio.run_coroutine_threadsafe(asyncio.wait_for(turned.wait(), 10), loop).result(10)
        return compile_template("SELECT 1")

    waiting = asyncio.create_task(CompiledStatements().get(STATEMENT, frozenset(), blocking))
    await asyncio.sleep(0)
    turned.set()
    assert (await asyncio.wait_for(waiting, 10)).text == "SELECT 1"
