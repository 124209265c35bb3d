"""Whom a changed generator would add and remove, through both services, on a real PostgreSQL."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import psycopg
import pytest
from directflow.segments.v1 import audience_service_pb2 as wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import StatusCode
from directflow_runtime.remote import remote_error

SECONDS = 20.0
NAME = "workspaces/acme/dataSources/people"
ALL = "SELECT id AS profile_id, email, phone FROM people"
MEMBERS = "SELECT p.id AS profile_id, p.email, p.phone FROM people p JOIN members m ON m.person = p.id"


async def diff(stub: Any, changed: str, sample: int = 0, **of_target: Any) -> wire.DiffAudienceResponse:
    request = wire.DiffAudienceRequest(
        target=wire.Target(data_source=NAME, **of_target), generator_sql=changed, sample_size=sample
    )
    response: wire.DiffAudienceResponse = await stub.DiffAudience(request, timeout=SECONDS)
    return response


def counts(response: wire.DiffAudienceResponse) -> tuple[int, int, int]:
    return response.kept, response.added, response.removed


async def people_of(stub: Any) -> int:
    request = wire.CountAudienceRequest(target=wire.Target(data_source=NAME))
    return int((await stub.CountAudience(request, timeout=SECONDS)).people)


async def test_an_equal_generator_changes_nothing(audiences: Callable[..., Any]) -> None:
    stub = await audiences(generator_sql=ALL, discovery_sql="")
    response = await diff(stub, ALL + " ORDER BY email DESC -- the same people")
    assert counts(response) == (await people_of(stub), 0, 0) == (4, 0, 0)
    assert not response.added_profile_ids
    assert not response.removed_profile_ids


async def test_people_are_added_and_removed(audiences: Callable[..., Any]) -> None:
    stub = await audiences(generator_sql=f"{ALL} WHERE id <= 5", discovery_sql="")
    response = await diff(stub, f"{ALL} WHERE id IN (2, 5, 6)")
    assert counts(response) == (2, 1, 1)
    assert (list(response.added_profile_ids), list(response.removed_profile_ids)) == (["6"], ["1"])


@pytest.mark.parametrize(
    ("rules", "changed"),
    [
        ({}, f"{MEMBERS} WHERE m.club = 'chess'"),
        (
            {"required_contact": "phone"},
            "SELECT id AS profile_id, NULLIF(email, '') AS email, coalesce(phone, '+15550009999') AS phone FROM people",
        ),
        (
            {"skip_format_check": True},
            "SELECT id::text AS profile_id, email::varchar(9), phone FROM people UNION ALL SELECT NULL, 'x@x.io', NULL",
        ),
        ({}, f"{ALL} WHERE false"),
    ],
)
async def test_counts_are_those_of_each_version_alone(
    audiences: Callable[..., Any], rules: dict[str, Any], changed: str
) -> None:
    """Rows without a key, without a contact point, with a malformed one, and several of one person, as in a stream."""
    saved, other = [await audiences(generator_sql=sql, discovery_sql="", contact_rules=rules) for sql in (ALL, changed)]
    kept, added, removed = counts(await diff(saved, changed))
    assert kept + removed == await people_of(saved)
    assert kept + added == await people_of(other)


async def test_samples_are_bounded(audiences: Callable[..., Any]) -> None:
    many = "SELECT g AS profile_id, 'p' || g || '@x.io' AS email FROM generate_series(1, 5000) g"
    stub = await audiences(generator_sql=f"{ALL} WHERE false", discovery_sql="")
    for asked, shown in ((0, 10), (3, 3), (100, 100)):
        response = await diff(stub, many, asked)
        assert counts(response) == (0, 5000, 0)
        assert len(set(response.added_profile_ids)) == shown


async def test_both_versions_take_the_segment_and_the_callers_values(audiences: Callable[..., Any]) -> None:
    stub = await audiences()
    changed = f"{MEMBERS} WHERE m.club = '<%= club %>' AND p.spent > <%= above %>"
    at_least = sql_pb2.Value(integer=60)
    response = await diff(stub, changed, segment_key="chess", variables={"above": at_least})
    assert counts(response) == (0, 1, 1)
    assert (list(response.added_profile_ids), list(response.removed_profile_ids)) == (["6"], ["1"])


async def test_both_are_read_in_one_snapshot(audiences: Callable[..., Any], postgres_dsn: str) -> None:
    """A generator against itself while people come and go: two snapshots would differ."""
    stub = await audiences(generator_sql=ALL, discovery_sql="")
    running = True

    async def churn() -> int:
        rounds = 0
        async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as admin:
            while running:
                await admin.execute(
                    "INSERT INTO people SELECT g, 'c' || g || '@x.io' FROM generate_series(1000, 1500) g"
                )
                await admin.execute("DELETE FROM people WHERE id >= 1000")
                rounds += 1
        return rounds

    churning = asyncio.ensure_future(churn())
    seen = set()
    try:
        for _ in range(100):
            kept, added, removed = counts(await diff(stub, ALL))
            assert (added, removed) == (0, 0)
            seen.add(kept)
            if len(seen) > 1:
                break
    finally:
        running = False
        assert await churning
    assert seen == {4, 505}


async def test_only_those_who_may_define_run_what_is_not_saved(audiences: Callable[..., Any]) -> None:
    stub = await audiences(may_define=False, generator_sql=ALL, discovery_sql="")
    for name in (NAME, NAME + "_gone"):  # permission before existence
        request = wire.DiffAudienceRequest(target=wire.Target(data_source=name), generator_sql=ALL)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.DiffAudience(request, timeout=SECONDS)
        error = remote_error(refused.value)
        assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")


WRONG: list[tuple[str, int, StatusCode, str, str]] = [
    ("", 0, StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "generator_sql"),
    (ALL, 101, StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "sample_size"),
    (ALL, -1, StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "sample_size"),
    (f"{ALL} WHERE emial = 'x'", 0, StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", "emial"),
    ("SELECT id AS profile_id FROM people", 0, StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", "email or"),
    (f"{ALL}; DROP TABLE people", 0, StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", "2 statements"),
    (f"{ALL} WHERE id = <%= x %>", 0, StatusCode.INVALID_ARGUMENT, "VARIABLE_MISSING", "x"),
]


async def test_what_is_wrong_with_the_changed_generator_is_told(audiences: Callable[..., Any]) -> None:
    stub = await audiences(generator_sql=ALL, discovery_sql="")
    for changed, sample, code, reason, message in WRONG:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await diff(stub, changed, sample)
        error = remote_error(refused.value)
        assert (error.code, error.reason) == (code, reason)
        assert message in " ".join([error.message, *(problem.message for problem in error.problems)])


async def test_a_value_that_neither_version_knows_is_refused(audiences: Callable[..., Any]) -> None:
    stub = await audiences(generator_sql=ALL, discovery_sql="")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await diff(stub, f"{ALL} WHERE id > <%= n %>", variables={"m": sql_pb2.Value(integer=1)})
    assert remote_error(refused.value).reason in ("VARIABLE_UNKNOWN", "VARIABLE_MISSING")


async def test_contact_rules_that_a_version_cannot_keep_are_told(audiences: Callable[..., Any]) -> None:
    stub = await audiences(generator_sql=ALL, discovery_sql="", contact_rules={"required_contact": "phone"})
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await diff(stub, "SELECT id AS profile_id, email FROM people")
    assert remote_error(refused.value).reason == "CONTRACT_BROKEN"
