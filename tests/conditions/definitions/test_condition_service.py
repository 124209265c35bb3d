"""The life of conditions, through conditions and the gateway on real databases."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from directflow.conditions.v1 import condition_service_pb2 as pb
from directflow.conditions.v1 import evaluation_service_pb2 as evaluation
from directflow.engagement.v1 import engagement_pb2 as engagement
from directflow.sql.v1 import sql_pb2
from directflow_conditions.definitions.gateway import GrpcDocumentStore
from directflow_runtime.channel import open_channel
from directflow_runtime.errors import StatusCode
from directflow_runtime.settings import ChannelSettings
from opentelemetry.trace import NoOpTracer

TRUE, FALSE = pb.DECISION_TRUE, pb.DECISION_FALSE
BUCKET = pb.Condition(engagement=engagement.Predicate(bucket=engagement.BucketPredicate(salt="x", last=9_999)))


@pytest.fixture
async def documents(gateway_port: int) -> AsyncIterator[GrpcDocumentStore]:
    """The gateway's store itself, as a replica uses it."""
    async with open_channel(ChannelSettings(target=f"127.0.0.1:{gateway_port}"), NoOpTracer()) as channel:
        yield GrpcDocumentStore(channel)


async def test_the_documented_condition_is_saved_and_evaluated_at_once_for_one_and_for_many(conditions: Any) -> None:
    saved = await conditions.create("is_premium")
    assert (saved.name, bool(saved.etag), saved.revision > 0) == (conditions.name("is_premium"), True, True)
    single = await conditions.evaluate("is_premium", "1")
    assert (single.evaluation.decided, single.revision) == (TRUE, saved.revision)
    many = await conditions.batch("is_premium")
    assert (list(many.evaluations.decided), many.revision) == ([TRUE, FALSE] * 3, saved.revision)
    assert await conditions.get("is_premium") == saved


async def test_the_report_of_a_condition_says_what_runs_and_where_values_come_from(conditions: Any) -> None:
    sql = "SELECT subscription_plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'"
    declared = [pb.ConditionVariable(variable=sql_pb2.Variable(name="plan"), default_value=sql_pb2.Value(text="free"))]
    saved = await conditions.create("plan", conditions.sql(sql, variables=declared))
    (query,) = saved.validation_report.queries
    assert query.field == "sql.sql"
    assert [(use.name, use.inferred_type, use.source) for use in query.variable_uses] == [
        ("plan", "text", "caller, else default"),
        ("profile_id", "bigint", "profile"),
    ]
    assert query.set_form != sql_pb2.SET_FORM_UNSPECIFIED


async def test_a_change_is_used_by_every_replica_and_no_call_in_flight_fails_or_mixes_revisions(
    conditions: Any, start_conditions: Any, gateway_port: int
) -> None:
    other = await start_conditions(gateway_port)
    first = await conditions.create("is_premium")
    await other.until(lambda: other.get("is_premium"))
    answers: list[tuple[int, int]] = []
    changed = asyncio.Event()

    async def ask(replica: Any) -> None:
        while not changed.is_set() or len(answers) < 50:
            response = await replica.evaluate("is_premium", "1")
            answers.append((response.revision, response.evaluation.decided))

    callers = [asyncio.create_task(ask(replica)) for replica in (conditions, other) for _ in range(4)]
    opposite = pb.Condition.FromString(first.SerializeToString())
    opposite.sql.sql = opposite.sql.sql.replace("THEN true ELSE false", "THEN false ELSE true")
    second = await conditions.update(opposite)

    async def heard() -> bool:
        return bool((await other.evaluate("is_premium", "1")).revision == second.revision)

    await other.until(heard)
    changed.set()
    await asyncio.gather(*callers)
    assert set(answers) <= {(first.revision, TRUE), (second.revision, FALSE)}
    assert (second.revision, FALSE) in answers


async def test_of_two_editors_one_wins_and_the_other_is_told(conditions: Any) -> None:
    seen = await conditions.create("c")
    mine, yours = (pb.Condition.FromString(seen.SerializeToString()) for _ in range(2))
    mine.display_name, yours.display_name = "Mine", "Yours"
    outcomes = await asyncio.gather(conditions.update(mine), conditions.update(yours), return_exceptions=True)
    (won,) = (one for one in outcomes if isinstance(one, pb.Condition))
    (lost,) = (one for one in outcomes if not isinstance(one, pb.Condition))
    error = await conditions.refused(_raise(lost))
    assert (error.code, error.reason) == (StatusCode.ABORTED, "ETAG_MISMATCH")
    assert await conditions.get("c") == won


async def _raise(error: Any) -> None:
    raise error


async def test_an_update_without_an_etag_goes_over_whatever_is_there(conditions: Any) -> None:
    saved = await conditions.create("c")
    saved.etag, saved.display_name = "", "Renamed"
    assert (await conditions.update(saved)).display_name == "Renamed"


async def test_what_was_saved_is_listed_and_an_old_revision_is_made_the_newest(conditions: Any) -> None:
    first = await conditions.create("c")
    changed = pb.Condition.FromString(first.SerializeToString())
    changed.sql.sql, changed.display_name = "SELECT true AS result", "Everybody"
    second = await conditions.update(changed)
    third = await conditions.rollback("c", first.revision)
    assert (third.sql, third.display_name) == (first.sql, "")
    assert (await conditions.evaluate("c", "2")).evaluation.decided == FALSE
    await conditions.delete("c")
    told = (await conditions.revisions("c")).revisions
    assert [(one.deleted, one.revision) for one in told[1:]] == [
        (False, one.revision) for one in (third, second, first)
    ]
    assert (told[0].deleted, told[0].HasField("condition"), told[0].author) == (True, False, "development")
    assert told[2].condition == second
    assert (await conditions.rollback("c", second.revision)).sql == second.sql
    error = await conditions.refused(conditions.rollback("c", 999_999))
    assert (error.code, error.reason) == (StatusCode.NOT_FOUND, "CONDITION_NOT_FOUND")


async def test_a_condition_that_an_expression_names_is_not_deleted_and_the_users_are_named(conditions: Any) -> None:
    await conditions.create("leaf")
    await conditions.create("both", conditions.all_of("leaf"))
    error = await conditions.refused(conditions.delete("leaf"))
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "RESOURCE_IN_USE")
    assert "conditions/both" in error.message
    assert error.metadata["users"] == "conditions/both"
    assert (await conditions.evaluate("both")).evaluation.decided == TRUE
    await conditions.delete("both")
    await conditions.delete("leaf")
    assert (await conditions.refused(conditions.evaluate("leaf"))).reason == "CONDITION_NOT_FOUND"


async def test_checking_alone_stores_nothing(conditions: Any) -> None:
    checked = await conditions.create("c", validate_only=True)
    assert (checked.revision, len(checked.validation_report.queries)) == (0, 1)
    assert await conditions.ids() == ([], "")
    saved = await conditions.create("c")
    changed = pb.Condition.FromString(saved.SerializeToString())
    changed.display_name = "Changed"
    assert (await conditions.update(changed, validate_only=True)).display_name == "Changed"
    await conditions.delete("c", validate_only=True)
    assert await conditions.get("c") == saved


async def test_a_request_that_is_sent_twice_saves_once(conditions: Any) -> None:
    request_id = str(uuid.uuid4())
    first = await conditions.create("c", request_id=request_id)
    assert await conditions.create("c", request_id=request_id) == first
    assert len((await conditions.revisions("c")).revisions) == 1
    error = await conditions.refused(conditions.create("c"))
    assert (error.code, error.reason) == (StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")


async def test_two_editors_who_close_a_circle_together_are_told_when_it_is_evaluated(
    conditions: Any, documents: GrpcDocumentStore
) -> None:
    """Each check saw what was saved before, and the store knows no expressions; one more save mends it."""
    sound = await conditions.create("a", BUCKET)
    await conditions.create("b", BUCKET)
    mine, yours = conditions.negation("b"), conditions.negation("a")
    mine.name, yours.name = conditions.name("a"), conditions.name("b")
    checked = await conditions.update(yours, validate_only=True)
    await conditions.update(mine)
    before = await documents.get(conditions.name("b"))
    assert before is not None
    for added in ("name", "etag", "revision", "update_time"):
        checked.ClearField(added)
    await documents.put(replace(before, body=checked.SerializeToString()))

    async def heard() -> bool:
        return bool((await conditions.get("b")).WhichOneof("definition") == "expression")

    await conditions.until(heard)
    error = await conditions.refused(conditions.evaluate("a"))
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "EXPRESSION_CYCLE")
    sound.etag = ""
    await conditions.update(sound)
    assert (await conditions.evaluate("b")).evaluation.decided == FALSE


async def test_conditions_are_listed_by_name_in_pages_and_by_a_part_of_their_id(conditions: Any) -> None:
    for id in ("b", "a_premium", "c", "PREMIUM"):
        await conditions.create(id, BUCKET)
    ids, token = await conditions.ids(page_size=3)
    assert ids == ["PREMIUM", "a_premium", "b"]
    assert await conditions.ids(page_size=3, page_token=token) == (["c"], "")
    assert (await conditions.ids(filter="premium"))[0] == ["PREMIUM", "a_premium"]
    error = await conditions.refused(conditions.ids(page_size=3, page_token=token, filter="b"))
    assert error.reason == "PAGE_TOKEN_INVALID"


async def test_what_breaks_the_form_is_told_at_once_and_is_the_callers_fault(conditions: Any) -> None:
    condition = conditions.sql("SELECT 1", connection="customer")
    condition.display_name = "x" * 201
    error = await conditions.refused(conditions.create("1_wrong", condition, request_id="no uuid"))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [one.field for one in error.violations] == ["condition_id", "request_id", "condition.display_name"]
    for call in (conditions.rollback("c", -1), conditions.delete("c", etag="x" * 257)):
        assert (await conditions.refused(call)).reason == "INVALID_REQUEST"


async def test_who_may_not_define_may_read_and_evaluate(start_conditions: Any, gateway_port: int) -> None:
    author = await start_conditions(gateway_port)
    saved = await author.create("c")
    callers = [{"name": "development", "services": [""], "workspaces": ["*"], "may_define": False}]
    reader = await start_conditions(gateway_port, identity={"allow_development": True, "callers": callers})
    assert await reader.get("c") == saved
    assert (await reader.evaluate("c")).evaluation.decided == TRUE
    assert len((await reader.revisions("c")).revisions) == 1
    for call in (
        reader.create("d"), reader.create("d", validate_only=True), reader.update(saved), reader.delete("c"),
        reader.rollback("c", saved.revision),
    ):  # fmt: skip
        assert (await reader.refused(call)).reason == "IDENTITY_NOT_ALLOWED"


async def test_conditions_of_the_settings_file_are_listed_used_and_not_changed(
    start_conditions: Any, gateway_port: int, workspace: str
) -> None:
    fixed = {"name": f"workspaces/{workspace}/conditions/fixed", "engagement": {"bucket": {"salt": "x", "last": 9_999}}}
    replica = await start_conditions(gateway_port, conditions=[fixed])
    await replica.create("saved", replica.negation("fixed"))
    assert (await replica.ids())[0] == ["fixed", "saved"]
    assert (await replica.evaluate("saved")).evaluation.decided == FALSE
    for call in (replica.create("fixed"), replica.delete("fixed")):
        assert "settings file" in (await replica.refused(call)).message


async def test_another_workspace_of_the_same_names_is_another_world(
    start_conditions: Any, gateway_port: int, conditions: Any
) -> None:
    await conditions.create("c", BUCKET)
    callers = [{"name": "development", "services": [""], "workspaces": ["other"], "may_define": True}]
    stranger = await start_conditions(gateway_port, identity={"allow_development": True, "callers": callers})
    for call in (stranger.get("c"), stranger.ids(), stranger.revisions("c"), stranger.create("d"), stranger.delete("c"),
                 stranger.evaluate("c")):  # fmt: skip
        assert (await stranger.refused(call)).reason == "IDENTITY_NOT_ALLOWED"


@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
async def test_a_condition_on_engagement_is_evaluated_as_it_was_saved(conditions: Any, many: bool) -> None:
    await conditions.create("everybody", BUCKET)
    if many:
        assert list((await conditions.batch("everybody")).evaluations.decided) == [TRUE] * 6
    else:
        assert (await conditions.evaluate("everybody")).evaluation.raw == evaluation.RAW_OUTCOME_TRUE
