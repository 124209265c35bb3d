"""Which roles may call what: every method of v1 is in a table, and settings say the rest."""

from typing import Any

import pytest
from directflow.conditions.v1 import condition_service_pb2, engagement_service_pb2, evaluation_service_pb2
from directflow.gateway.v1 import (
    connection_service_pb2,
    definition_service_pb2,
    engagement_store_service_pb2,
    query_service_pb2,
)
from directflow.segments.v1 import audience_service_pb2, data_source_service_pb2
from directflow_conditions.surface import SURFACE as CONDITIONS
from directflow_gateway.definitions.settings import DefinitionSettings
from directflow_gateway.surface import owners, surface
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.identity import IdentityPolicy
from directflow_runtime.settings import CallerSettings, IdentitySettings, SettingsError
from directflow_runtime.surface import Surface
from directflow_segments.surface import SURFACE as SEGMENTS

QUERY = "directflow.gateway.v1.QueryService"
STORE = "directflow.gateway.v1.EngagementStoreService"
GATEWAY = surface(DefinitionSettings())


@pytest.mark.parametrize(
    ("table", "files"),
    [
        (
            GATEWAY,
            (query_service_pb2, connection_service_pb2, definition_service_pb2, engagement_store_service_pb2),
        ),
        (SEGMENTS, (audience_service_pb2, data_source_service_pb2)),
        (CONDITIONS, (condition_service_pb2, evaluation_service_pb2, engagement_service_pb2)),
    ],
)
def test_every_method_is_somebodys(table: Surface, files: tuple[Any, ...]) -> None:
    services = [service for file in files for service in file.DESCRIPTOR.services_by_name.values()]
    assert set(table.methods) == {f"{one.full_name}/{method.name}" for one in services for method in one.methods}


def may(caller: CallerSettings, method: str, table: Surface = GATEWAY) -> bool:
    asked = IdentityPolicy(IdentitySettings(callers=(caller,)), table)
    proof = {"transport_security_type": [b"ssl"], "peer_uri": [caller.peers[0].encode()]}
    try:
        asked.admit(method, "ipv4:10.0.0.7:1", proof)
    except DirectFlowError as error:
        if error.reason != "IDENTITY_NOT_ALLOWED":
            raise
        return False
    return True


def caller(**more: Any) -> CallerSettings:
    return CallerSettings(**{"name": "one", "peers": ("spiffe://one",), **more})


def test_a_role_needs_no_list_of_methods() -> None:
    assert may(caller(role="conditions"), f"{STORE}/AppendEvents")
    assert not may(caller(role="segments"), f"{STORE}/AppendEvents")


def test_services_narrow_a_role_and_widen_none() -> None:
    narrow = caller(role="developer", services=(f"{QUERY}/",))
    assert may(narrow, f"{QUERY}/DescribeQuery")
    assert not may(narrow, "directflow.gateway.v1.ConnectionService/GetConnection")
    assert not may(caller(role="developer", services=("",)), f"{QUERY}/CountQuery")


@pytest.mark.parametrize("name", ["segments", "conditions"])
def test_an_owner_without_a_role_keeps_what_its_services_say(name: str) -> None:
    mine = caller(name=name, services=("directflow.gateway.v1.",))
    assert may(mine, f"{QUERY}/EvaluateSet")
    assert may(mine, f"{STORE}/AppendEvents") == (name == "conditions")


def test_whoever_defines_and_owns_nothing_is_a_developer() -> None:
    wide = caller(services=("directflow.",), may_define=True)
    assert may(wide, f"{QUERY}/StreamQuery")
    assert not may(wide, f"{QUERY}/EvaluateSet")
    assert not may(wide, f"{STORE}/ListEvents")


def test_without_role_and_services_there_is_nothing() -> None:
    assert not may(caller(may_define=True), f"{QUERY}/StreamQuery")


def test_a_method_that_no_table_knows_is_nobodys() -> None:
    assert not may(caller(role="segments", services=("",)), f"{QUERY}/NewlyInvented")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"role": "platform"}, "conditions, developer, segments"),
        ({"role": "segmnets"}, "conditions, developer, segments"),
        ({"role": "segments", "may_define": True}, "may not define"),
    ],
)
def test_a_role_that_means_nothing_here_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        IdentityPolicy(IdentitySettings(callers=(caller(**given),)), GATEWAY)


def test_a_developer_defines_unless_the_settings_say_otherwise() -> None:
    for given, expected in ((caller(role="developer"), True), (caller(role="developer", may_define=False), False)):
        asked = IdentityPolicy(IdentitySettings(callers=(given,)), SEGMENTS)
        proof = {"transport_security_type": [b"ssl"], "peer_uri": [b"spiffe://one"]}
        admitted = asked.admit("directflow.segments.v1.DataSourceService/CreateDataSource", "ipv4:10.0.0.7:1", proof)
        assert admitted.may_define == expected


def test_a_collection_belongs_to_its_role_unless_an_owner_is_named() -> None:
    identity = IdentitySettings(callers=(caller(name="segments-eu", role="segments"),))
    assert owners(DefinitionSettings(), identity) == {"dataSources": ("segments-eu",), "conditions": ("conditions",)}
    named = DefinitionSettings(owners={"dataSources": "editor"})
    assert owners(named, identity) == {"dataSources": ("editor",)}
