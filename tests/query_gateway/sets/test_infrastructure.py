"""What concerns the statement or the database is the status of the call, never an outcome of ten thousand tuples."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

TUPLES = [(number,) for number in range(1, 101)]
FLAG = "SELECT flag AS result FROM {table} WHERE id = <%= id %>"
FORMS = [FLAG, "SELECT EXISTS (SELECT 1 FROM {table} WHERE id = <%= id %> AND flag) AS result"]


@pytest.fixture
def table(gateway: Any) -> Iterator[str]:
    """A table of the test's own, which the gateway's role may read."""
    gateway.admin("CREATE TABLE passing AS SELECT * FROM gone")
    gateway.admin(f'GRANT SELECT ON passing TO "{gateway.role}"')
    yield "passing"
    gateway.admin("DROP TABLE IF EXISTS passing")


def statuses(told: Any) -> set[tuple[str, str]]:
    return {(one.outcome, one.reason) for one in told}


@pytest.mark.parametrize("template", FORMS)
def test_a_right_that_is_gone(gateway: Any, make_shape: Any, table: str, template: str) -> None:
    shape = make_shape("gone", template.format(table=table), pools={"id": "ids"})
    assert statuses(gateway.evaluate(shape, TUPLES)) == {("TRUE", ""), ("FALSE", "")}
    gateway.admin(f'REVOKE SELECT ON {table} FROM "{gateway.role}"')
    for tuples in (TUPLES, TUPLES[:1], TUPLES[:3]):
        told = statuses(gateway.evaluate(shape, tuples))
        assert told == {("STATUS FAILED_PRECONDITION", "PERMISSION_DENIED_BY_DATABASE")}
    assert statuses(gateway.fetch(shape, TUPLES).results) == told
    gateway.admin(f'GRANT SELECT ON {table} TO "{gateway.role}"')
    assert statuses(gateway.evaluate(shape, TUPLES)) == {("TRUE", ""), ("FALSE", "")}


@pytest.mark.parametrize("template", FORMS)
def test_a_table_that_is_gone(gateway: Any, make_shape: Any, table: str, template: str) -> None:
    shape = make_shape("gone", template.format(table=table), pools={"id": "ids"})
    assert statuses(gateway.evaluate(shape, TUPLES)) == {("TRUE", ""), ("FALSE", "")}
    gateway.admin(f"DROP TABLE {table}")
    for tuples in (TUPLES, TUPLES[:1]):
        told = statuses(gateway.evaluate(shape, tuples))
        assert told == {("STATUS FAILED_PRECONDITION", "DEFINITION_BROKEN")}
    assert statuses(gateway.fetch(shape, TUPLES).results) == told


@pytest.mark.parametrize("template", FORMS)
def test_a_column_that_takes_another_type(gateway: Any, make_shape: Any, table: str, template: str) -> None:
    """What was prepared for an integer must not be used for a text."""
    shape = make_shape("gone", template.format(table=table), pools={"id": "id_texts"})
    tuples = [(str(number),) for (number,) in TUPLES]
    expected = gateway.evaluate(shape, tuples)
    gateway.admin(f"ALTER TABLE {table} ALTER id TYPE text")
    gateway.evaluate(shape, tuples)  # it may be refused once: DEFINITION_BROKEN, and described anew
    assert gateway.evaluate(shape, tuples) == expected
    assert gateway.evaluate(shape, [("x",)] * 3) == gateway.evaluate(shape, [("x",)]) * 3


def test_a_session_that_is_ended(gateway: Any, make_shape: Any) -> None:
    template = (
        "SELECT (SELECT count(*) FROM generate_series(1, 3000000)) + id > 0 AS result FROM gone WHERE id = <%= id %>"
    )
    shape = make_shape("ended", template, pools={"id": "ids"})
    told: list[Any] = []
    caller = threading.Thread(target=lambda: told.extend(gateway.evaluate(shape, TUPLES)))
    caller.start()
    end_the_session_of(gateway)
    caller.join()
    assert statuses(told) == {("STATUS UNAVAILABLE", "DATABASE_UNREACHABLE")}
    assert (
        gateway.evaluate(make_shape("well", FLAG.format(table="gone"), pools={"id": "ids"}), [(2,)])[0].outcome
        == "TRUE"
    )


def end_the_session_of(gateway: Any) -> None:
    ends_at = time.monotonic() + 20
    end = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE usename = '{gateway.role}' AND state = 'active' AND query LIKE '%3000000%'"
    )
    while not gateway.admin(end):
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def test_a_locked_table_is_nobodys_own_error(gateway: Any, make_shape: Any, table: str) -> None:
    """The lock's time limit strikes whoever is asked about."""
    shape = make_shape("locked", FLAG.format(table=table), pools={"id": "ids"})
    gateway.evaluate(shape, TUPLES)
    locked, release = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold, args=(gateway, table, locked, release))
    holder.start()
    assert locked.wait(20)
    try:
        [told] = statuses(gateway.evaluate(shape, TUPLES))
    finally:
        release.set()
        holder.join()
    assert told == ("STATUS DEADLINE_EXCEEDED", "STATEMENT_TIMEOUT")


def hold(gateway: Any, table: str, locked: threading.Event, release: threading.Event) -> None:
    with gateway.transaction() as admin:
        admin.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        locked.set()
        release.wait(30)
