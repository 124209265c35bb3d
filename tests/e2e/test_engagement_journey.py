"""The demo's engagement: the journey's question over all of its people, beside a plain Python reference."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import condition_service_pb2 as conditions
from directflow.conditions.v1 import engagement_service_pb2 as pb
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.engagement.v1 import engagement_pb2
from directflow_cli.commands.engagement.events import event_from
from directflow_cli.dev import demo_engagement

CALL_S = 30.0
DEMO = "workspaces/demo"
PEOPLE = [str(person) for person in range(1, demo_engagement.PEOPLE + 101)]
"""And a hundred of whom nothing is known."""
WELCOME = engagement_pb2.Anchor(flow_id=demo_engagement.FLOW)


@pytest.fixture(scope="module")
def events(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Recorded once; what they are."""
    file: Path = tmp_path_factory.mktemp("demo") / "engagement.jsonl"
    now = datetime.now(UTC)
    demo_engagement.write(file, now)
    with grpc.insecure_channel(platform.services["conditions"].address) as channel:
        record = channel.unary_unary(
            "/directflow.conditions.v1.EngagementService/RecordEngagement",
            request_serializer=pb.RecordEngagementRequest.SerializeToString,
            response_deserializer=pb.RecordEngagementResponse.FromString,
        )
        parsed = [event_from(line) for line in file.read_bytes().splitlines()]
        answer = record(pb.RecordEngagementRequest(parent=DEMO, events=parsed), timeout=CALL_S)
    assert (answer.accepted_count, len(answer.errors)) == (len(parsed), 0)
    return list(demo_engagement.events(now))


def of(events: list[dict[str, Any]], person: str, kind: str) -> Iterator[datetime]:
    for event in events:
        if event["profile_id"] == person and event["type"] == kind and not event.get("machine_open"):
            yield datetime.fromisoformat(event["occur_time"])


def opened_but_not_clicked(events: list[dict[str, Any]], person: str) -> bool:
    since = datetime.now(UTC) - timedelta(days=30)
    entered = max(of(events, person, "FLOW_ENTERED"), default=datetime.max.replace(tzinfo=UTC))
    opened = [moment for moment in of(events, person, "OPENED") if moment > since]
    return len(opened) >= 2 and not any(moment >= entered for moment in of(events, person, "CLICKED"))


def email_available(events: list[dict[str, Any]], person: str) -> bool:
    return not [*of(events, person, "UNSUBSCRIBED"), *of(events, person, "BOUNCED")]  # all bounces are hard ones


async def decided(client: Any, condition: str) -> dict[str, bool]:
    profiles = wire.ProfileColumns(profile_ids=PEOPLE, anchors=[WELCOME])
    request = wire.BatchEvaluateConditionsRequest(condition=f"{DEMO}/conditions/{condition}", profiles=profiles)
    answer = (await client.conditions.BatchEvaluateConditions(request, timeout=CALL_S)).evaluations
    assert set(answer.decided) == {conditions.DECISION_TRUE, conditions.DECISION_FALSE}
    return {one: number == conditions.DECISION_TRUE for one, number in zip(PEOPLE, answer.decided, strict=True)}


@pytest.mark.parametrize(
    ("condition", "reference"),
    [("opened_but_not_clicked", opened_but_not_clicked), ("email_available", email_available)],
)
async def test_a_batch_decides_as_plain_python_does(
    platform: Any, client: Any, events: list[dict[str, Any]], condition: str, reference: Any
) -> None:
    assert await decided(client, condition) == {person: reference(events, person) for person in PEOPLE}


async def test_half_of_all_people_are_in_the_first_half_of_the_buckets(platform: Any, client: Any) -> None:
    chosen = sum((await decided(client, "first_half")).values())
    assert 0.4 * len(PEOPLE) < chosen < 0.6 * len(PEOPLE)


async def test_the_customers_data_and_engagement_in_one_expression(
    platform: Any, client: Any, events: list[dict[str, Any]]
) -> None:
    premium, available = await decided(client, "is_premium"), await decided(client, "email_available")
    both = await decided(client, "premium_and_available")
    assert both == {person: premium[person] and available[person] for person in PEOPLE}


@pytest.mark.parametrize(("person", "answer"), [(demo_engagement.TRUE_OF, True), (demo_engagement.FALSE_OF, False)])
async def test_the_journeys_two_people_are_what_it_says_and_explain_shows_why(
    platform: Any, client: Any, events: list[dict[str, Any]], person: str, answer: bool
) -> None:
    request = wire.EvaluateConditionRequest(
        condition=f"{DEMO}/conditions/opened_but_not_clicked", profile_id=person, anchor=WELCOME, explain=True
    )
    evaluation = (await client.conditions.EvaluateCondition(request, timeout=CALL_S)).evaluation
    assert evaluation.decided == (conditions.DECISION_TRUE if answer else conditions.DECISION_FALSE)
    leaves = {leaf.condition.rpartition("/")[2]: leaf for leaf in evaluation.leaves}
    assert set(leaves) == {"opened_twice_lately", "clicked_since_entry"}
    assert leaves["opened_twice_lately"].event_count == len(list(of(events, person, "OPENED")))
    assert leaves["clicked_since_entry"].event_count == (0 if answer else 1)


async def test_without_a_flow_since_entering_it_means_nothing(platform: Any, client: Any) -> None:
    request = wire.EvaluateConditionRequest(condition=f"{DEMO}/conditions/clicked_since_entry", profile_id="7")
    error = await platform.failure(client.conditions.EvaluateCondition(request, timeout=CALL_S))
    assert error.reason == "ANCHOR_MISSING"
