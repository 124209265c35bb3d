"""The v1 surface as SURFACE lays it out, read off the generated descriptors: a method that vanishes is noticed here."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api import field_behavior_pb2
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor

PROTOS = Path(__file__).parents[2] / "protos"
CRUD = ("Get{0}", "List{0}s", "Create{0}", "Update{0}", "Delete{0}", "List{0}Revisions", "Rollback{0}")


def crud(resource: str) -> set[str]:
    return {name.format(resource) for name in CRUD}


SURFACE = {
    "directflow.gateway.v1.QueryService": {
        "DescribeQuery",
        "StreamQuery",
        "CountQuery",
        "EvaluateSet",
        "FetchSet",
        "ExplainRow",
        "StreamDifference",
    },
    "directflow.gateway.v1.ConnectionService": crud("Connection") | {"TestConnection", "ConfirmCredential"},
    "directflow.gateway.v1.DefinitionService": {
        "GetDocument",
        "ListDocuments",
        "PutDocument",
        "DeleteDocument",
        "ListDocumentRevisions",
        "WatchDocuments",
    },
    "directflow.gateway.v1.EngagementStoreService": {"AppendEvents", "EvaluatePredicates", "ListEvents"},
    "directflow.segments.v1.DataSourceService": crud("DataSource"),
    "directflow.segments.v1.AudienceService": {
        "ListSegments",
        "GetSegment",
        "PreviewAudience",
        "CountAudience",
        "StreamAudience",
        "GetPersonalization",
        "BatchGetPersonalization",
        "ExplainMembership",
        "DiffAudience",
    },
    "directflow.conditions.v1.ConditionService": crud("Condition"),
    "directflow.conditions.v1.EvaluationService": {
        "EvaluateCondition",
        "EvaluateConditions",
        "BatchEvaluateConditions",
        "StreamEvaluations",
    },
    "directflow.conditions.v1.EngagementService": {"RecordEngagement", "StreamEngagement", "ListEngagement"},
}


def files() -> Iterator[FileDescriptor]:
    for path in sorted((PROTOS / "directflow").rglob("*.proto")):
        module = path.relative_to(PROTOS).with_suffix("").as_posix().replace("/", ".") + "_pb2"
        yield importlib.import_module(module).DESCRIPTOR


def services() -> dict[str, ServiceDescriptor]:
    return {service.full_name: service for file in files() for service in file.services_by_name.values()}


def test_exactly_these_services_exist() -> None:
    assert set(services()) == set(SURFACE)


@pytest.mark.parametrize("service", sorted(SURFACE))
def test_a_service_has_exactly_its_methods(service: str) -> None:
    assert {method.name for method in services()[service].methods} == SURFACE[service]


@pytest.mark.parametrize("service", sorted(SURFACE))
def test_every_request_field_says_whether_it_is_required(service: str) -> None:
    silent = [
        f"{method.input_type.full_name}.{field.name}"
        for method in services()[service].methods
        if method.input_type.name.endswith("Request")
        for field in method.input_type.fields
        if field.containing_oneof is None and not field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    ]
    assert silent == []


@pytest.mark.parametrize("api", ["gateway", "segments", "conditions"])
def test_every_error_reason_shows_a_json_example(api: str) -> None:
    text = (PROTOS / "directflow" / api / "v1" / "errors.proto").read_text()
    reasons = [
        line.split()[0] for line in text.splitlines() if line.startswith("  ERROR_REASON_") and "= 0;" not in line
    ]
    examples = [reason for reason in reasons if f'"reason": "{reason.removeprefix("ERROR_REASON_")}"' in text]
    assert reasons
    assert examples == reasons


def test_no_field_is_named_like_a_python_keyword() -> None:
    import keyword

    guilty = [
        f"{message.full_name}.{field.name}"
        for file in files()
        for message in file.message_types_by_name.values()
        for field in message.fields
        if keyword.iskeyword(field.name)
    ]
    assert guilty == []


def test_generated_code_belongs_to_a_namespace_package() -> None:
    root = PROTOS / "gen" / "directflow"
    assert (root / "py.typed").exists()
    assert not list(root.rglob("__init__.py"))
