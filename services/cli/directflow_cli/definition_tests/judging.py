"""Asks the services what a test asks, and compares."""

from collections.abc import Mapping
from typing import Any, Final

import grpc
from directflow.conditions.v1 import condition_service_pb2 as conditions_wire
from directflow.conditions.v1 import evaluation_service_pb2 as evaluations
from directflow.conditions.v1 import evaluation_service_pb2_grpc as evaluation_stubs
from directflow.engagement.v1 import engagement_pb2
from directflow.segments.v1 import audience_service_pb2 as audiences
from directflow.segments.v1 import audience_service_pb2_grpc as audience_stubs
from directflow_runtime.channel import responses
from directflow_runtime.remote import remote_error

from directflow_cli.commands.cells import columns_of
from directflow_cli.commands.personalization import ReceivedPersonalization
from directflow_cli.commands.variables import value_of
from directflow_cli.definition_tests.case_file import AudienceCase, Case, ConditionCase, PersonalizationCase
from directflow_cli.definition_tests.selection import definition_of_case

CALL_S: Final = 30.0


async def judge(case: Case, workspace: str, channels: Mapping[Any, Any]) -> list[str]:
    """What differs from what the test expects, a line each; nothing where it passes."""
    try:
        match case:
            case ConditionCase():
                return await _condition(case, workspace, channels["conditions"])
            case AudienceCase():
                return await _audience(case, workspace, channels["segments"])
            case PersonalizationCase():
                return await _personalization(case, workspace, channels["segments"])
    except grpc.aio.AioRpcError as error:
        read = remote_error(error)
        return [f"it could not be asked: {read.message} [{read.reason or read.code.name}]"]


async def _condition(case: ConditionCase, workspace: str, channel: Any) -> list[str]:
    stub: Any = evaluation_stubs.EvaluationServiceStub(channel)  # type: ignore[no-untyped-call]
    request = evaluations.EvaluateConditionsRequest(
        conditions=[definition_of_case(case, workspace)],
        profile_id=case.profile,
        variables={name: value_of(value) for name, value in case.variables.items()},
        anchor=engagement_pb2.Anchor(flow_id=case.flow) if case.flow else None,
    )
    (found,) = (await stub.EvaluateConditions(request, timeout=CALL_S)).evaluations
    decided = conditions_wire.Decision.Name(found.decided).removeprefix("DECISION_")
    raw = evaluations.RawOutcome.Name(found.raw).removeprefix("RAW_OUTCOME_")
    because = f" ({found.error.message})" if found.error.message else ""
    differs = [f"decided: expected {case.expect}, got {decided}{because}"] if decided != case.expect else []
    return differs + ([f"raw: expected {case.raw}, got {raw}"] if case.raw not in (None, raw) else [])


async def _audience(case: AudienceCase, workspace: str, channel: Any) -> list[str]:
    stub: Any = audience_stubs.AudienceServiceStub(channel)  # type: ignore[no-untyped-call]
    target = audiences.Target(
        data_source=definition_of_case(case, workspace),
        variables={name: value_of(value) for name, value in case.variables.items()},
    )
    if case.segment:
        target.segment_key = case.segment
    request = audiences.StreamAudienceRequest(target=target, encoding=audiences.ENCODING_COLUMNS)
    found: list[str] = []
    schema: Any = None
    async for message in responses(stub.StreamAudience(request, timeout=CALL_S)):
        if message.HasField("header"):
            schema = message.header.schema
        elif message.HasField("batch"):
            names = [column.name for column in schema.columns]
            found += map(str, columns_of(schema, message.batch.columns)[names.index("profile_id")])
    missing = [f"- {profile} is expected, and not in it" for profile in sorted(set(case.expect) - set(found))]
    return missing + [f"+ {profile} is in it, and not expected" for profile in sorted(set(found) - set(case.expect))]


async def _personalization(case: PersonalizationCase, workspace: str, channel: Any) -> list[str]:
    stub: Any = audience_stubs.AudienceServiceStub(channel)  # type: ignore[no-untyped-call]
    request = audiences.BatchGetPersonalizationRequest(
        data_source=definition_of_case(case, workspace),
        profile_ids=[case.profile],
        variables={name: value_of(value) for name, value in case.variables.items()},
        encoding=audiences.ENCODING_COLUMNS,
    )
    received = ReceivedPersonalization([case.profile])
    async for message in responses(stub.BatchGetPersonalization(request, timeout=CALL_S)):
        received.take(message)
    (record,) = received.records()
    if record["error"]:
        return [f"it could not be told: {record['error']['message']}"]
    return _rows_differ(case.expect, record["data"])


def _rows_differ(expected: Mapping[str, Any] | None, found: Mapping[str, Any] | None) -> list[str]:
    if expected is None or found is None:
        return [] if expected == found else [f"expected {'a row' if expected else 'no row'}, got {found or 'none'}"]
    names = [*expected, *(name for name in found if name not in expected)]
    return [
        f"{name}: expected {_shown(expected, name)}, got {_shown(found, name)}"
        for name in names
        if name not in expected or name not in found or not _same(expected[name], found[name])
    ]


def _same(expected: Any, found: Any) -> bool:
    """An exact number comes as text, and a file says it as a number."""
    if expected is None or found is None or isinstance(expected, bool) or isinstance(found, bool):
        return bool(expected is found)
    return str(expected) == str(found)


def _shown(row: Mapping[str, Any], name: str) -> str:
    return repr(row[name]) if name in row else "no such column"
