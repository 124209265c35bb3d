"""A client that has no stubs, as grpcurl: it learns everything by reflection, defines a condition and evaluates it."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


class Curl:
    """`curl("package.Service/Method", {...})`: JSON in, JSON out, nothing compiled in."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._known = ProtoReflectionDescriptorDatabase(channel)
        self._pool = DescriptorPool(self._known)

    def services(self) -> set[str]:
        return set(self._known.get_services())

    def methods(self, service: str) -> set[str]:
        return {method.name for method in self._pool.FindServiceByName(service).methods}

    def __call__(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        service, method = path.split("/")
        described = self._pool.FindServiceByName(service).methods_by_name[method]
        message = ParseDict(request, GetMessageClass(described.input_type)(), descriptor_pool=self._pool)
        call = self._channel.unary_unary(
            f"/{path}",
            request_serializer=lambda one: one.SerializeToString(),
            response_deserializer=GetMessageClass(described.output_type).FromString,
        )
        answer = call(message, timeout=20)
        shown: dict[str, Any] = MessageToDict(answer, preserving_proto_field_name=True, descriptor_pool=self._pool)
        return shown


@pytest.fixture
def curl(system: Any) -> Iterator[Curl]:
    with grpc.insecure_channel(system.processes["conditions-1"].address) as channel:
        yield Curl(channel)


def test_it_lists_the_services_and_their_methods(curl: Curl) -> None:
    assert {
        "directflow.conditions.v1.ConditionService",
        "directflow.conditions.v1.EvaluationService",
        "directflow.conditions.v1.EngagementService",
    } <= curl.services()
    assert "CreateCondition" in curl.methods("directflow.conditions.v1.ConditionService")


def test_it_creates_a_condition_and_evaluates_it(curl: Curl) -> None:
    sql = "SELECT age >= 18 AS result FROM people WHERE id = '<%= profile_id %>'"
    condition = {"sql": {"connection": "workspaces/a/connections/customer", "sql": sql}}
    saved = curl(
        "directflow.conditions.v1.ConditionService/CreateCondition",
        {"parent": "workspaces/a", "condition_id": "curled", "condition": condition},
    )
    assert saved["name"] == "workspaces/a/conditions/curled"
    assert saved["etag"]
    for profile, decided in (("4", "DECISION_TRUE"), ("5", "DECISION_FALSE")):
        answer = curl(
            "directflow.conditions.v1.EvaluationService/EvaluateCondition",
            {"condition": saved["name"], "profile_id": profile},
        )
        assert answer["evaluation"]["decided"] == decided
        assert answer["revision"] == saved["revision"]
