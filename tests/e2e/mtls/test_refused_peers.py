"""Who does not prove who he is gets no connection."""

import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.gateway.v1 import definition_service_pb2 as documents_pb
from directflow.gateway.v1 import definition_service_pb2_grpc as documents_stubs
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from ...certificates import Authority
from .cluster import SERVICES, Cluster, host, spiffe
from .failures import CALL_S, failure

ATTEMPTS = 20


def asked(channel: grpc.aio.Channel) -> Any:
    """A call that segments may make."""
    request = documents_pb.ListDocumentsRequest(parent="workspaces/demo/dataSources")
    return documents_stubs.DefinitionServiceStub(channel).ListDocuments(request, timeout=CALL_S)


async def test_a_certificate_of_another_authority_gets_no_connection(cluster: Cluster, tmp_path: Path) -> None:
    impostor = Authority(tmp_path / "authority").mount(tmp_path / "tls", f"URI:{spiffe('segments')}")
    async with cluster.channel("gateway", "segments", impostor) as channel:
        failed = await failure(asked(channel))
    assert (failed.code.name, failed.reason) == ("UNAVAILABLE", "")


async def test_an_expired_certificate_gets_no_connection(cluster: Cluster, tmp_path: Path) -> None:
    expired = cluster.authority.mount(tmp_path / "tls", f"URI:{spiffe('segments')}", lasts_s=-5)
    async with cluster.channel("gateway", "segments", expired) as channel:
        failed = await failure(asked(channel))
    assert (failed.code.name, failed.reason) == ("UNAVAILABLE", "")


async def test_without_a_certificate_there_is_no_connection(cluster: Cluster) -> None:
    credentials = grpc.ssl_channel_credentials(cluster.authority.root)
    options = [("grpc.ssl_target_name_override", host("gateway"))]
    async with grpc.aio.secure_channel(cluster.processes["gateway"].address, credentials, options) as channel:
        assert (await failure(asked(channel))).code.name == "UNAVAILABLE"


@pytest.mark.parametrize("service", SERVICES)
async def test_in_plaintext_there_is_no_connection_though_it_is_loopback(cluster: Cluster, service: str) -> None:
    async with grpc.aio.insecure_channel(cluster.processes[service].address) as channel:
        assert (await failure(asked(channel))).code.name == "UNAVAILABLE"


async def test_health_answers_in_plaintext_and_knows_nothing_else(cluster: Cluster) -> None:
    for process in cluster.processes.values():
        port = json.loads(process.plan.announce.read_text())["health_port"]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=CALL_S)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
            assert (await failure(asked(channel))).code.name == "UNIMPLEMENTED"


async def test_a_common_name_is_no_identity(cluster: Cluster, tmp_path: Path) -> None:
    named = cluster.authority.mount(tmp_path / "tls", "email:a@b.example", common_name=spiffe("segments"))
    async with cluster.channel("gateway", "segments", named) as channel:
        assert (await failure(asked(channel))).reason == "IDENTITY_UNKNOWN"


@pytest.mark.parametrize(("identity", "code"), [("developer", "OK"), ("stranger", "UNAUTHENTICATED")])
async def test_reflection_is_for_everybody_who_is_somebody(cluster: Cluster, identity: str, code: str) -> None:
    for _ in range(ATTEMPTS):
        answers, told = await reflected(cluster, identity)
        if told != "INTERNAL":  # refused before all was sent: grpc.aio may say that instead
            break
    assert told == code
    assert any(len(answer.list_services_response.service) > 3 for answer in answers) == (code == "OK")


async def reflected(cluster: Cluster, identity: str) -> tuple[list[Any], str]:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async with cluster.channel("gateway", identity) as channel:
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([request]))  # no deadline
        try:
            answers = [answer async for answer in call]
        except grpc.aio.AioRpcError:
            answers = []
        return answers, (await call.code()).name
