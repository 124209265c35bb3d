"""Every RPC of v1, asked by everybody: what SURFACE says, by hand, against what the processes do."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from directflow.gateway.v1 import query_service_pb2
from directflow_runtime.remote import remote_error
from google.protobuf import text_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from ..test_whole_surface import call, filled, methods
from .cluster import IDENTITIES, SERVICES, Cluster

ATTEMPTS = 20
ALL = {"*"}
READS_OF_DATA_SOURCES = {"GetDataSource", "ListDataSources", "ListDataSourceRevisions"}
READS_OF_CONDITIONS = {"GetCondition", "ListConditions", "ListConditionRevisions"}
AUDIENCES_BUT_DIFFERENCES = {
    "ListSegments", "GetSegment", "PreviewAudience", "CountAudience", "StreamAudience", "GetPersonalization",
    "BatchGetPersonalization", "ExplainMembership",
}  # fmt: skip
OF_SEGMENTS = {"QueryService": ALL, "DefinitionService": ALL}
OF_CONDITIONS = {**OF_SEGMENTS, "EngagementStoreService": ALL}
OF_A_DEVELOPER = {"QueryService": {"DescribeQuery", "StreamQuery"}, "ConnectionService": ALL}
IN_FRONT = {
    "developer": {"DataSourceService": ALL, "AudienceService": ALL, "ConditionService": ALL, "EvaluationService": ALL,
                  "EngagementService": ALL},
    "platform": {"DataSourceService": READS_OF_DATA_SOURCES, "AudienceService": AUDIENCES_BUT_DIFFERENCES,
                 "ConditionService": READS_OF_CONDITIONS, "EvaluationService": ALL, "EngagementService": ALL},
}  # fmt: skip
MAY: dict[str, dict[str, dict[str, set[str]]]] = {
    "gateway": {
        "segments": OF_SEGMENTS,
        "segments-of-demo": OF_SEGMENTS,
        "conditions": OF_CONDITIONS,
        "conditions-of-demo": OF_CONDITIONS,
        "developer": OF_A_DEVELOPER,
        "generous-developer": OF_A_DEVELOPER,
        # It owns no collection and may not define: what is left is to run what was saved.
        "generous-service": {"QueryService": {"StreamQuery", "CountQuery", "EvaluateSet", "FetchSet", "ExplainRow"}},
    },
    "segments": {**IN_FRONT, "generous-service": IN_FRONT["platform"]},
    "conditions": {**IN_FRONT, "generous-service": IN_FRONT["platform"]},
}  # fmt: skip


def expected(service: str, method: MethodDescriptor, identity: str) -> str:
    known = MAY[service].get(identity)
    if known is None:
        return "IDENTITY_UNKNOWN"
    allowed = known.get(method.containing_service.name, set())
    return "allowed" if allowed & {"*", method.name} else "IDENTITY_NOT_ALLOWED"


def request_of(method: MethodDescriptor, identity: str, workspace: str = "demo") -> Message:
    """Everything in it, in one workspace, and nothing that only those may ask who define."""
    message = filled(GetMessageClass(method.input_type)())
    for name in ("statement", "first", "second"):
        if name in method.input_type.fields_by_name:
            statement = getattr(message, name)
            statement.role = query_service_pb2.STATEMENT_ROLE_GENERATOR
            del statement.allowed_functions[:]
    text = text_format.MessageToString(message)
    for field, value in names_of(method, "conditions" if identity.startswith("conditions") else "dataSources").items():
        text = text.replace(f'{field}: "word"', f'{field}: "{value}"')
    named = type(message)()
    text_format.Parse(text.replace("workspaces/demo", f"workspaces/{workspace}"), named)
    return named


def names_of(method: MethodDescriptor, collection: str) -> dict[str, str]:
    """What the fields must hold that only a comment says it of."""
    if method.containing_service.name != "DefinitionService":
        return {"parent": "workspaces/demo"}
    parent = f"workspaces/demo/{collection}"
    return {"parent": parent, "name": f"{parent}/one", "collection": collection}


async def outcome(channel: grpc.aio.Channel, method: MethodDescriptor, message: Message) -> str:
    """The reason where the caller is refused for who he is; else "allowed", whatever came of it."""
    for _ in range(ATTEMPTS):
        asked = call(channel, method, message)
        try:
            if method.server_streaming:
                await asked.read()
                asked.cancel()
            else:
                await asked
        except grpc.aio.AioRpcError as error:
            failed = remote_error(error)
            if not failed.reason and method.client_streaming:
                continue  # refused before all was sent: grpc.aio may say INTERNAL first
            assert failed.reason, failed
            return failed.reason if failed.reason.startswith("IDENTITY_") else "allowed"
        return "allowed"
    raise AssertionError(f"{method.full_name} gave no reason")


@pytest.fixture
async def channels(cluster: Cluster) -> Any:
    """`channels[service, identity]`."""
    opened = {(service, one): cluster.channel(service, one) for service in SERVICES for one in IDENTITIES}
    yield opened
    for channel in opened.values():
        await channel.close()


@pytest.mark.parametrize("identity", IDENTITIES)
async def test_an_identity_may_call_what_is_written_and_nothing_else(channels: Any, identity: str) -> None:
    found, wanted = {}, {}
    for service, method in every_method():
        name = f"{method.containing_service.name}/{method.name}"
        found[name] = await outcome(channels[service, identity], method, request_of(method, identity))
        wanted[name] = expected(service, method, identity)
    assert found == wanted


@pytest.mark.parametrize("identity", ["segments-of-demo", "conditions-of-demo", "developer", "platform"])
async def test_a_workspace_that_is_not_the_callers_is_refused_by_every_method(channels: Any, identity: str) -> None:
    """But for WatchDocuments, which names none, and leaves out what is not the caller's."""
    found = {}
    for service, method in every_method():
        if expected(service, method, identity) == "allowed" and method.name != "WatchDocuments":
            request = request_of(method, identity, "other")
            found[method.full_name] = await outcome(channels[service, identity], method, request)
    assert found
    assert set(found.values()) == {"IDENTITY_NOT_ALLOWED"}, found


def every_method() -> Iterator[tuple[str, MethodDescriptor]]:
    for parameters in methods():
        service, method = parameters.values
        yield service, method
