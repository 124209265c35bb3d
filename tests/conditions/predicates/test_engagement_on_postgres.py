"""Conditions on engagement through the real gateway on DirectFlow's own database: recorded, then asked about."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import engagement_service_pb2 as recording
from directflow.conditions.v1 import engagement_service_pb2_grpc as recording_stubs
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs
from directflow.engagement.v1 import engagement_pb2 as pb
from directflow_cli.dev import directflow_database
from directflow_conditions import app
from directflow_conditions.config import ConditionsSettings
from directflow_gateway import app as gateway_app
from directflow_gateway.config import GatewaySettings
from google.protobuf.timestamp_pb2 import Timestamp

SECONDS = 30.0
PREFIX = "workspaces/acme/conditions/"
DAY = 86_400
TRUE, FALSE, ERROR = 1, 2, 6
DEFINITIONS: dict[str, dict[str, Any]] = {
    "opened_twice": {
        "engagement": {"event": {"type": "OPENED", "channel": "email", "count": 2, "window": {"last": "30 days"}}}
    },
    "clicked": {"engagement": {"event": {"type": "CLICKED", "scope": "SINCE_FLOW_ENTRY"}}},
    "interested": {"expression": {"all_of": ["opened_twice", {"negation": "clicked"}]}},
    "available": {"engagement": {"subscription": {"channel": "email", "state": "AVAILABLE"}}},
    "first_half": {"engagement": {"bucket": {"salt": "x", "last": 4999}}},
    "second_half": {"engagement": {"bucket": {"salt": "x", "first": 5000, "last": 9999}}},
    "one_half": {"expression": {"any_of": ["first_half", "second_half"]}},
}


@pytest.fixture
async def channel(postgres: Any, tmp_path: Path, log: Any) -> AsyncIterator[grpc.aio.Channel]:
    made = directflow_database.create(postgres, f"own_{time.monotonic_ns()}")
    for name, role in made.roles.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"username": role.name, "password": role.password}))
    credentials = {f"{name}_credential": str(tmp_path / f"{name}.json") for name in made.roles}
    place = {"host": made.host, "port": made.port, "database": made.database, "sslmode": "disable"}
    gateway_settings = {
        "identity": {"allow_development": True},
        "credentials": {"path": "/nowhere/{workspace}/{connection}"},
        "directflow_database": {**place, **credentials},
    }
    async with AsyncExitStack() as stack:
        gateway = await gateway_app.build(GatewaySettings.model_validate(gateway_settings), stack)
        await gateway.server.start()
        stack.push_async_callback(gateway.server.stop, 0)
        settings = {
            "gateway": {"target": f"127.0.0.1:{gateway.server.port}"},
            "identity": {"allow_development": True},
            "definitions": {"from_store": False},
            "conditions": [{"name": PREFIX + name, **definition} for name, definition in DEFINITIONS.items()],
        }
        built = await app.build(ConditionsSettings.model_validate(settings), stack)
        await built.server.start()
        stack.push_async_callback(built.server.stop, 0)
        yield await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}"))


def event(person: str, kind: int, days_ago: float, **more: Any) -> pb.Event:
    event_id = f"{person}-{kind}-{days_ago}"
    moment = Timestamp(seconds=int(time.time() - days_ago * DAY))
    return pb.Event(event_id=event_id, profile_id=person, type=kind, channel="email", occur_time=moment, **more)


def entered(person: str, days_ago: float) -> pb.Event:
    return event(person, pb.EVENT_TYPE_FLOW_ENTERED, days_ago, flow_id="welcome", flow_run_id="r")


OPENED, CLICKED = pb.EVENT_TYPE_OPENED, pb.EVENT_TYPE_CLICKED
EVENTS = [
    *(event("ada", OPENED, days) for days in (1, 2, 40)),
    entered("ada", 5),
    event("ada", CLICKED, 6),  # before she entered the flow
    *(event("bob", OPENED, days) for days in (1, 2)),
    entered("bob", 5),
    event("bob", CLICKED, 1),
    *(event("cy", OPENED, days) for days in (1, 40)),
    entered("cy", 5),
    event("dee", pb.EVENT_TYPE_UNSUBSCRIBED, 1),
]
PEOPLE = ["ada", "bob", "cy", "dee"]


async def test_opened_twice_lately_but_has_not_clicked_since_entering_the_flow(channel: Any) -> None:
    recorder: Any = recording_stubs.EngagementServiceStub(channel)
    request = recording.RecordEngagementRequest(parent="workspaces/acme", events=EVENTS)
    assert (await recorder.RecordEngagement(request, timeout=SECONDS)).accepted_count == len(EVENTS)
    stub: Any = stubs.EvaluationServiceStub(channel)
    flow = pb.Anchor(flow_id="welcome")

    async def batch(name: str, *anchors: pb.Anchor) -> list[int]:
        profiles = wire.ProfileColumns(profile_ids=PEOPLE, anchors=anchors)
        asked = wire.BatchEvaluateConditionsRequest(condition=PREFIX + name, profiles=profiles)
        return list((await stub.BatchEvaluateConditions(asked, timeout=SECONDS)).evaluations.raw)

    assert await batch("opened_twice") == [TRUE, TRUE, FALSE, FALSE]
    assert await batch("clicked", flow) == [FALSE, TRUE, FALSE, FALSE]
    assert await batch("interested", flow) == [TRUE, FALSE, FALSE, FALSE]
    assert await batch("interested", flow, flow, pb.Anchor(), flow) == [TRUE, FALSE, FALSE, FALSE]
    assert await batch("clicked", flow, pb.Anchor(message_id="m"), flow, flow) == [FALSE, ERROR, FALSE, FALSE]
    assert await batch("available") == [TRUE, TRUE, TRUE, FALSE]
    assert await batch("one_half") == [TRUE] * 4

    single = wire.EvaluateConditionRequest(condition=PREFIX + "interested", profile_id="ada", anchor=flow, explain=True)
    evaluation = (await stub.EvaluateCondition(single, timeout=SECONDS)).evaluation
    assert [(leaf.raw, leaf.event_count) for leaf in evaluation.leaves] == [(TRUE, 2), (FALSE, 0)]
    assert evaluation.raw == TRUE
    opened, clicked = evaluation.leaves
    assert (opened.scope, clicked.scope) == (pb.SCOPE_ALL_TIME, pb.SCOPE_SINCE_FLOW_ENTRY)
    assert opened.window_end_time.ToMicroseconds() - opened.window_begin_time.ToMicroseconds() == 30 * DAY * 10**6 + 1
    assert not clicked.HasField("window_begin_time")
