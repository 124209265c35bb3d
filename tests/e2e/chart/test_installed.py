"""Three services started from what the chart writes, over mutual TLS, with a customer's PostgreSQL."""

import copy
import urllib.request
from typing import Any

import grpc
import pytest
from directflow.gateway.v1 import connection_service_pb2 as connections_pb
from directflow.gateway.v1 import connection_service_pb2_grpc as connections_stubs
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.chart.rendering import COMPONENTS

from .conftest import DEVELOPERS_SECRET, WORKSPACE
from .pods import Cluster

CALL_S = 15
DEFINITIONS = """
kind: Connection
id: customer
spec: {{host: {host}, port: {port}, database: {database}, user: {user}, credential_kind: FILE, tls: {{mode: DISABLE}}}}
---
kind: DataSource
id: people
spec: {{connection: customer, generator_sql: "SELECT id AS profile_id, email FROM people"}}
---
kind: Condition
id: adult
spec: {{sql: {{connection: customer, sql: "SELECT age >= 18 AS result FROM people WHERE id = '<%= profile_id %>'"}}}}
"""


def helm_test_pod(at: Cluster) -> dict[str, Any]:
    """That of `helm test`."""
    (pod,) = at.manifests.of("Pod").values()
    spec: dict[str, Any] = pod["spec"]
    return spec


def developers_pod(at: Cluster) -> dict[str, Any]:
    """The same with a developer's certificate, and the gateway's address."""
    pod = copy.deepcopy(helm_test_pod(at))
    (certificate,) = (volume for volume in pod["volumes"] if volume["name"] == "tls")
    certificate["secret"]["secretName"] = DEVELOPERS_SECRET
    variables = pod["containers"][0]["env"]
    (segments,) = (one for one in variables if one["name"] == "DIRECTFLOW_SEGMENTS")
    variables.append({"name": "DIRECTFLOW_GATEWAY", "value": segments["value"].replace("-segments.", "-gateway.")})
    return pod


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_each_probe_of_the_chart_is_answered(installed: Cluster, component: str, probe: str) -> None:
    asked = installed.manifests.spec(component)["containers"][0][probe]["grpc"].get("service", "")
    with grpc.insecure_channel(f"127.0.0.1:{installed.pods[component].announced['health_port']}") as channel:
        request = health_pb2.HealthCheckRequest(service=asked)
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=CALL_S)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("component", COMPONENTS)
def test_metrics_are_where_the_service_monitor_would_look(installed: Cluster, component: str) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{installed.pods[component].metrics_port}/metrics") as answer:
        assert b"# TYPE" in answer.read()


def test_the_pod_of_helm_test_succeeds(installed: Cluster) -> None:
    ran = installed.run("test", helm_test_pod(installed))
    assert ran.returncode == 0, ran.stderr


def test_a_developer_defines_and_an_audience_and_a_condition_go_through_all_three(
    installed: Cluster, customer: dict[str, str]
) -> None:
    """With nothing but the certificates and callers that the chart writes, and what the values add."""
    file = installed.folder / "definitions.yaml"
    file.write_text(DEFINITIONS.format(**customer))
    script = (
        f"directflow apply -f {file} >&2; directflow connection test customer >&2;"
        " directflow audience stream people -o jsonl; directflow condition evaluate adult -p 2"
    )
    ran = installed.run("developer", developers_pod(installed), script=script)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("someone") == 3
    assert "TRUE" in ran.stdout


async def test_the_test_client_is_nobody_at_the_gateway(installed: Cluster) -> None:
    (certificate,) = (volume for volume in helm_test_pod(installed)["volumes"] if volume["name"] == "tls")
    async with installed.channel("gateway", certificate["secret"]["secretName"]) as channel:
        stub = connections_stubs.ConnectionServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ListConnections(
                connections_pb.ListConnectionsRequest(parent=f"workspaces/{WORKSPACE}"), timeout=CALL_S
            )
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert "no identity here" in str(refused.value.details())


@pytest.mark.parametrize("component", COMPONENTS)
async def test_nobody_is_served_without_a_certificate(installed: Cluster, component: str) -> None:
    async with installed.channel(component) as channel:
        stub = connections_stubs.ConnectionServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ListConnections(connections_pb.ListConnectionsRequest(), timeout=CALL_S)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
