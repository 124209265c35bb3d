"""Conditions on engagement and expressions over real gRPC: one question to the store, anchors, leaves, batches."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import condition_service_pb2 as conditions
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs
from directflow.engagement.v1 import engagement_pb2 as pb
from directflow.gateway.v1 import engagement_store_service_pb2 as store_wire
from directflow.gateway.v1 import query_service_pb2 as gateway_wire
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import RemoteError, remote_error
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

SECONDS = 20.0
PREFIX = "workspaces/acme/conditions/"
TRUE, FALSE, NO_ROW, ERROR = 1, 2, 4, 6
YES, NO, UNDECIDED = conditions.DECISION_TRUE, conditions.DECISION_FALSE, conditions.DECISION_ERROR


def opened(channel: str = "email", **changes: Any) -> dict[str, Any]:
    return {"event": {"type": "OPENED", "channel": channel, **changes}}


DEFINITIONS: dict[str, dict[str, Any]] = {
    "email": {"engagement": opened("email")},
    "sms": {"engagement": opened("sms")},
    "since": {"engagement": opened("email", scope="SINCE_FLOW_ENTRY")},
    "this": {"engagement": opened("sms", scope="THIS_MESSAGE")},
    "sql": {
        "connection": "workspaces/acme/connections/main",
        "sql": "SELECT plan = <%= plan %> AS result FROM users WHERE id = <%= profile_id %>",
        "variables": [{"name": "plan", "default": "premium"}],
    },
    "both": {"expression": {"all_of": ["email", "sms"]}},
    "mixed": {"expression": {"any_of": [{"all_of": ["email", {"negation": "sms"}]}, "sql"]}},
    "anchored": {"expression": {"any_of": ["email", "since", "this"]}},
    "strict": {"expression": {"negation": "sql"}, "policy": {"on_error": "FALSE"}},
}


@pytest.fixture
async def stub(serve: Callable[..., Awaitable[Any]]) -> Any:
    definitions = [{"name": PREFIX + name, **definition} for name, definition in DEFINITIONS.items()]
    return stubs.EvaluationServiceStub(await serve(conditions=definitions))


def ask(stub: Any, name: str, person: str, **changes: Any) -> Any:
    request = wire.EvaluateConditionRequest(condition=PREFIX + name, profile_id=person, **changes)
    return stub.EvaluateCondition(request, timeout=SECONDS)


def batch(stub: Any, name: str, *people: str, anchors: Any = ()) -> Any:
    profiles = wire.ProfileColumns(profile_ids=people, anchors=anchors)
    request = wire.BatchEvaluateConditionsRequest(condition=PREFIX + name, profiles=profiles)
    return stub.BatchEvaluateConditions(request, timeout=SECONDS)


async def failure(call: Awaitable[Any]) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return remote_error(caught.value)


async def test_a_predicate_crosses_the_wire_as_its_author_wrote_it(serve: Any, store: Any) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    event = {
        "type": "BOUNCED", "channel": "email", "message_id": "m", "campaign_id": "c", "link_id": "l",
        "comparison": "EXACTLY", "count": 2, "bounce_kind": "HARD",
        "window": {"last": "36 hours", "begin": begin, "end": begin.replace(month=2)},
    }  # fmt: skip
    definitions = [
        {"name": PREFIX + "event", "engagement": {"event": event}},
        {"name": PREFIX + "available", "engagement": {"subscription": {"channel": "email", "state": "AVAILABLE"}}},
        {"name": PREFIX + "bucket", "engagement": {"bucket": {"salt": "x", "first": 5, "last": 4999}}},
        {"name": PREFIX + "all", "expression": {"all_of": ["event", "available", "bucket"]}},
    ]

    async def yes(asked: store_wire.EvaluatePredicatesRequest) -> store_wire.EvaluatePredicatesResponse:
        return store_wire.EvaluatePredicatesResponse(outcomes=[True] * 3, counts=[2, 0, 0])

    store.reply = yes
    stub = stubs.EvaluationServiceStub(await serve(conditions=definitions))
    evaluation = (await ask(stub, "all", "1", explain=True)).evaluation
    (asked,) = store.requests
    assert asked.parent == "workspaces/acme"
    assert list(asked.profile_ids) == ["1"]
    event_predicate = pb.EventPredicate(
        type=pb.EVENT_TYPE_BOUNCED,
        channel="email",
        message_id="m",
        campaign_id="c",
        link_id="l",
        comparison=pb.COUNT_COMPARISON_EXACTLY,
        count=2,
        window=pb.Window(
            last=Duration(seconds=36 * 3600),
            begin_time=Timestamp(seconds=1767225600),
            end_time=Timestamp(seconds=1769904000),
        ),
        scope=pb.SCOPE_ALL_TIME,
        bounce_kind=pb.BOUNCE_KIND_HARD,
    )
    assert list(asked.predicates) == [
        pb.Predicate(event=event_predicate),
        pb.Predicate(subscription=pb.SubscriptionPredicate(channel="email", state=pb.SUBSCRIPTION_STATE_AVAILABLE)),
        pb.Predicate(bucket=pb.BucketPredicate(salt="x", first=5, last=4999)),
    ]
    assert [leaf.event_count for leaf in evaluation.leaves] == [2, 0, 0]


async def test_a_leaf_alone_is_true_or_false_with_its_count(stub: Any) -> None:
    evaluation = (await ask(stub, "email", "email-1", explain=True)).evaluation
    assert (evaluation.raw, evaluation.decided) == (TRUE, YES)
    (leaf,) = evaluation.leaves
    assert (leaf.condition, leaf.raw, leaf.decided, leaf.event_count) == (PREFIX + "email", TRUE, YES, 2)
    assert leaf.scope == pb.SCOPE_ALL_TIME
    assert (await ask(stub, "email", "1")).evaluation.raw == FALSE


async def test_the_engagement_leaves_of_an_expression_are_one_question_to_the_store(
    stub: Any, store: Any, gateway: Any
) -> None:
    gateway.reply = gateway_wire.EvaluateSetResponse(outcomes=[NO_ROW])
    evaluation = (await ask(stub, "mixed", "email-sms", explain=True)).evaluation
    assert (evaluation.raw, evaluation.decided) == (FALSE, NO)
    assert [(leaf.condition.removeprefix(PREFIX), leaf.raw, leaf.decided) for leaf in evaluation.leaves] == [
        ("email", TRUE, YES),
        ("sms", TRUE, YES),
        ("sql", NO_ROW, NO),
    ]
    assert [len(asked.predicates) for asked in store.requests] == [2]
    assert len(gateway.requests) == 1


async def test_several_conditions_share_their_leaves(stub: Any, store: Any) -> None:
    request = wire.EvaluateConditionsRequest(
        conditions=[PREFIX + name for name in ("both", "email", "sms", "both")], profile_id="email"
    )
    response = await stub.EvaluateConditions(request, timeout=SECONDS)
    assert [evaluation.raw for evaluation in response.evaluations] == [FALSE, TRUE, FALSE, FALSE]
    assert [len(asked.predicates) for asked in store.requests] == [2]


async def test_batches_and_streams_of_an_expression_are_evaluated_in_columns(
    stub: Any, store: Any, gateway: Any
) -> None:
    error = gateway_wire.TupleError(index=2, reason="DATA_ERROR", message="stored data", sqlstate="22012")
    gateway.reply = gateway_wire.EvaluateSetResponse(outcomes=[FALSE, TRUE, ERROR, ERROR], errors=[error, {"index": 3}])
    people = ["email", "-", "sms", "email"]
    response = await batch(stub, "mixed", *people)
    assert list(response.evaluations.raw) == [TRUE, TRUE, ERROR, TRUE]
    assert [(one.index, one.error.sqlstate) for one in response.evaluations.errors] == [(2, "22012")]
    assert [len(asked.predicates) for asked in store.requests] == [2]

    start = wire.StreamEvaluationsRequest(start=wire.EvaluationStart(condition=PREFIX + "mixed"))
    message = wire.StreamEvaluationsRequest(profiles=wire.ProfileColumns(profile_ids=people))
    call = stub.StreamEvaluations(iter([start, message, message]), timeout=SECONDS)
    *batches, last = [received async for received in call]
    assert [list(one.evaluations.raw) for one in batches] == [[TRUE, TRUE, ERROR, TRUE]] * 2
    assert (last.summary.true_count, last.summary.error_count) == (6, 2)


async def test_an_expressions_own_policy_decides_its_error(stub: Any, gateway: Any) -> None:
    error = gateway_wire.TupleError(index=0, reason="DATA_ERROR", message="stored data")
    gateway.reply = gateway_wire.EvaluateSetResponse(outcomes=[ERROR], errors=[error])
    evaluation = (await ask(stub, "strict", "1")).evaluation
    assert (evaluation.raw, evaluation.decided, evaluation.error.reason) == (ERROR, NO, "DATA_ERROR")


async def test_a_leaf_that_only_its_policy_makes_an_error_is_named(serve: Any, gateway: Any) -> None:
    definitions = [
        {"name": PREFIX + "sql", **DEFINITIONS["sql"], "policy": {"on_no_row": "ERROR"}},
        {"name": PREFIX + "not", "expression": {"negation": "sql"}},
    ]
    stub = stubs.EvaluationServiceStub(await serve(conditions=definitions))
    gateway.reply = gateway_wire.EvaluateSetResponse(outcomes=[NO_ROW])
    evaluation = (await ask(stub, "not", "1")).evaluation
    assert (evaluation.raw, evaluation.decided, evaluation.error.reason) == (ERROR, UNDECIDED, "EVALUATION_FAILED")
    assert PREFIX + "sql" in evaluation.error.message
    assert "NO_ROW" in evaluation.error.message


@pytest.mark.parametrize(
    ("name", "anchor"),
    [
        ("since", None),
        ("since", pb.Anchor(message_id="m")),
        ("since", pb.Anchor(flow_run_id="r")),
        ("this", None),
        ("this", pb.Anchor(flow_id="f")),
        ("anchored", pb.Anchor(flow_id="f")),
    ],
)
async def test_a_call_without_the_anchor_that_is_asked_for_is_refused(
    stub: Any, store: Any, name: str, anchor: pb.Anchor | None
) -> None:
    for call in (
        ask(stub, name, "1", anchor=anchor),
        batch(stub, name, "1", "2", anchors=[anchor] if anchor is not None else []),
    ):
        error = await failure(call)
        assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "ANCHOR_MISSING")
    assert store.requests == []


@pytest.mark.parametrize("anchor", [pb.Anchor(flow_id="f"), pb.Anchor(flow_enter_time=Timestamp(seconds=1))])
async def test_the_flow_or_the_time_of_entry_is_enough_for_since_flow_entry(
    stub: Any, store: Any, anchor: pb.Anchor
) -> None:
    assert (await ask(stub, "since", "email", anchor=anchor)).evaluation.raw == TRUE
    assert list((await batch(stub, "since", "email", "1", anchors=[anchor])).evaluations.raw) == [TRUE, FALSE]
    assert [list(asked.anchors) for asked in store.requests] == [[anchor], [anchor]]


async def test_an_anchor_that_nobody_asks_about_is_not_sent(stub: Any, store: Any) -> None:
    await ask(stub, "email", "1", anchor=pb.Anchor(flow_id="f"))
    await batch(stub, "email", "1", anchors=[pb.Anchor(flow_id="f")])
    assert [list(asked.anchors) for asked in store.requests] == [[], []]


async def test_a_profile_whose_own_anchor_lacks_it_is_an_error_and_its_neighbours_get_their_answers(
    stub: Any, store: Any
) -> None:
    whole = pb.Anchor(flow_id="f", message_id="m")
    anchors = [whole, pb.Anchor(message_id="m"), pb.Anchor(flow_id="f"), pb.Anchor()]
    response = await batch(stub, "since", "email", "email", "email", "email", anchors=anchors)
    assert list(response.evaluations.raw) == [TRUE, ERROR, TRUE, ERROR]
    assert [(one.index, one.error.reason) for one in response.evaluations.errors] == [
        (1, "ANCHOR_MISSING"),
        (3, "ANCHOR_MISSING"),
    ]
    (asked,) = store.requests
    assert len(asked.anchors) == 4
    assert all(anchor.flow_id or anchor.HasField("flow_enter_time") for anchor in asked.anchors)


async def test_leaves_that_need_no_anchor_or_another_part_of_it_are_answered_for_that_profile(
    stub: Any, store: Any
) -> None:
    # email OR since(email) OR this(sms): the second profile is true by `email`, the third by `this`.
    anchors = [pb.Anchor(), pb.Anchor(), pb.Anchor(message_id="m")]
    response = await batch(stub, "anchored", "1", "email", "sms", anchors=anchors)
    assert list(response.evaluations.raw) == [ERROR, TRUE, TRUE]
    assert len(store.requests) == 1


async def test_the_last_profile_of_a_stream_with_an_anchor_of_its_own_ends_nothing(stub: Any) -> None:
    start = wire.StreamEvaluationsRequest(start=wire.EvaluationStart(condition=PREFIX + "since"))
    one = wire.ProfileColumns(profile_ids=["email"], anchors=[pb.Anchor()])
    call = stub.StreamEvaluations(iter([start, wire.StreamEvaluationsRequest(profiles=one)]), timeout=SECONDS)
    first, last = [received async for received in call]
    assert list(first.evaluations.raw) == [ERROR]
    assert last.summary.error_count == 1


async def test_single_calls_are_coalesced_each_with_its_own_anchor(stub: Any, store: Any) -> None:
    gate = asyncio.Event()

    async def held(asked: store_wire.EvaluatePredicatesRequest) -> store_wire.EvaluatePredicatesResponse:
        await gate.wait()
        outcomes = [anchor.flow_id == "f1" for anchor in asked.anchors]
        return store_wire.EvaluatePredicatesResponse(outcomes=outcomes, counts=[0] * len(outcomes))

    store.reply = held
    flows = ["f0", "f1", "f2", "f1"]
    calls = [asyncio.ensure_future(ask(stub, "since", "1", anchor=pb.Anchor(flow_id=flow))) for flow in flows[:1]]
    async with asyncio.timeout(SECONDS):
        while not store.requests:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    calls += [asyncio.ensure_future(ask(stub, "since", "1", anchor=pb.Anchor(flow_id=flow))) for flow in flows[1:]]
    await asyncio.sleep(0.1)
    gate.set()
    assert [(await call).evaluation.raw for call in calls] == [FALSE, TRUE, FALSE, TRUE]
    assert [sorted(anchor.flow_id for anchor in asked.anchors) for asked in store.requests] == [["f0"], ["f1", "f2"]]


async def test_more_predicates_than_one_question_takes_are_asked_in_several(serve: Any, store: Any) -> None:
    names = [f"c{number}" for number in range(70)]
    definitions: list[dict[str, Any]] = [{"name": PREFIX + name, "engagement": opened()} for name in names]
    halves = [{"any_of": names[:35]}, {"any_of": names[35:]}]
    definitions.append({"name": PREFIX + "any", "expression": {"any_of": halves}})
    stub = stubs.EvaluationServiceStub(await serve(conditions=definitions))
    assert list((await batch(stub, "any", "email", "1")).evaluations.raw) == [TRUE, FALSE]
    assert sorted(len(asked.predicates) for asked in store.requests) == [6, 64]


async def test_an_answer_of_another_size_is_internal_and_an_error_of_the_store_a_status(stub: Any, store: Any) -> None:
    async def short(_: store_wire.EvaluatePredicatesRequest) -> store_wire.EvaluatePredicatesResponse:
        return store_wire.EvaluatePredicatesResponse(outcomes=[True])

    store.reply = short
    assert (await failure(ask(stub, "email", "1"))).reason == "INTERNAL"

    async def away(_: store_wire.EvaluatePredicatesRequest) -> store_wire.EvaluatePredicatesResponse:
        raise DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away", retry_after=2.0)

    store.reply = away
    error = await failure(batch(stub, "both", "1"))
    assert (error.code, error.metadata["gateway_reason"]) == (StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE")


async def test_people_and_anchors_that_no_event_can_have_are_refused_before_a_neighbour_shares_their_statement(
    stub: Any, store: Any
) -> None:
    long = "x" * 129
    unfit = pb.Anchor(flow_id=long, message_id=long, flow_enter_time=Timestamp(seconds=1 << 40))
    wrong = ["flow_id", "message_id", "flow_enter_time"]
    refused = {
        "profile_id": ask(stub, "email", long),
        " ".join(f"anchor.{field}" for field in wrong): ask(stub, "since", "1", anchor=unfit),
        "profiles.profile_ids[1]": batch(stub, "both", "1", long),
        " ".join(f"profiles.anchors[1].{field}" for field in wrong): batch(
            stub, "since", "1", "2", anchors=[pb.Anchor(flow_id="f"), unfit]
        ),
    }
    for fields, call in refused.items():
        error = await failure(call)
        assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        assert [violation.field for violation in error.violations] == fields.split()
    assert store.requests == []
