"""The certificates of two running services are replaced, by those of another authority too, and nobody notices."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from directflow.segments.v1 import audience_service_pb2 as audience_pb
from directflow.segments.v1 import audience_service_pb2_grpc as audience_stubs

from ...certificates import Authority
from .cluster import Cluster, alternative_names
from .failures import CALL_S

STEP_S = 1.5
"""Above the second after which a client looks at its files."""
TAKEN_UP = "certificates renewed"
DATA_SOURCE = "workspaces/demo/dataSources/people"


async def count_for_ever(stub: Any, counted: list[int]) -> None:
    """Each a call of segments to the gateway; the first that fails ends the test."""
    request = audience_pb.CountAudienceRequest(target=audience_pb.Target(data_source=DATA_SOURCE))
    while True:
        counted.append((await stub.CountAudience(request, timeout=CALL_S)).people)
        await asyncio.sleep(0.02)


def replace(cluster: Cluster, signer: Authority, *trusted: Authority) -> None:
    for name in ("gateway", "segments"):
        cluster.certificates[name].put(signer.issue(*alternative_names(name)), [one.root for one in trusted])


async def test_nobody_notices_that_certificates_and_authorities_change(
    cluster: Cluster, customer: Any, tmp_path: Path
) -> None:
    old, new = cluster.authority, Authority(tmp_path / "authority")
    steps = [(old, old, new), (new, old, new), (old, old)]
    before = {name: cluster.log(name).count(TAKEN_UP) for name in ("gateway", "segments")}
    counted: list[int] = []
    async with cluster.channel("segments", "platform") as channel:
        counting = asyncio.create_task(count_for_ever(audience_stubs.AudienceServiceStub(channel), counted))
        try:
            for signer, *trusted in steps:
                replace(cluster, signer, *trusted)
                await asyncio.sleep(STEP_S)
            assert not counting.done(), counting.exception()
        finally:
            replace(cluster, old, old)
            counting.cancel()
            await asyncio.wait([counting])
    assert set(counted) == {customer.people}
    for name, count in before.items():
        assert cluster.log(name).count(TAKEN_UP) - count >= len(steps), cluster.log(name)[-2000:]


@pytest.fixture(autouse=True)
def _speaks_once_more(cluster: Cluster) -> Any:
    """Whoever comes next finds the certificates of before in use."""
    yield
    assert cluster.directflow("platform", "audience", "count", "people").returncode == 0
