"""A throw-away PostgreSQL, the services in front of it, and the definitions of each test file in its own workspace."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
from directflow.conditions.v1 import engagement_service_pb2 as engagement_wire
from directflow.conditions.v1 import engagement_service_pb2_grpc as engagement_stubs
from directflow_runtime.remote import remote_error
from directflow_runtime.settings import ChannelSettings, TelemetrySettings

from directflow_cli.commands.endpoints import Service, Target
from directflow_cli.commands.engagement.events import event_from_record
from directflow_cli.definition_tests import tables
from directflow_cli.definition_tests.case_file import CaseFile
from directflow_cli.definition_tests.judging import judge
from directflow_cli.definition_tests.selection import connection_ids, stand_in
from directflow_cli.definitions.applying import Applied, apply
from directflow_cli.definitions.manifests import Manifest
from directflow_cli.definitions.registry import Registry
from directflow_cli.dev import directflow_database
from directflow_cli.dev.background import BackgroundLoop
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import Installation
from directflow_cli.dev.processes import ServicePlan, ServiceProcess
from directflow_cli.dev.psql import Role
from directflow_cli.dev.settings_files import SettingsFiles

CALL_S: Final = 30.0
_PORTS: Final = {"gateway": 0, "segments": 0, "conditions": 0, "otlp": 0}


@dataclass(slots=True)
class Suite:
    """One test file on the bench."""

    file: CaseFile
    workspace: str
    manifests: Sequence[Manifest]
    """What its tests need, in its workspace."""
    applied: Applied | None = None
    differences: list[list[str]] = field(default_factory=list)
    """Of each test; empty where it passes."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What tests run on."""

    server: PostgresServer
    role: Role
    targets: Mapping[Service, Target]


@contextmanager
def bench(installation: Installation, suites: Sequence[Suite]) -> Iterator[Bench]:
    """Serves while the block lasts, and leaves nothing behind. Raises PsqlFailed, ServiceFailed."""
    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer.create(installation))
        own = directflow_database.create(server)
        role = server.create_role()
        for suite in suites:
            tables.make(server, suite.workspace, suite.file)
            tables.grant(server, suite.workspace, role.name)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="directflow-test-")))
        files = SettingsFiles(directory, dict(_PORTS), "")
        loop = stack.enter_context(BackgroundLoop())
        connections = [(suite.workspace, one) for suite in suites for one in connection_ids(suite.manifests)]
        plan = files.empty_gateway(dict.fromkeys(connections, role.password), own)
        gateway = stack.enter_context(loop.entered(ServiceProcess(plan))).address
        targets: dict[Service, Target] = {"gateway": _target(gateway)}
        followers: dict[Service, ServicePlan] = {
            "segments": files.segments(gateway, None),
            "conditions": files.conditions(gateway, None),
        }
        for service, plan in followers.items():
            targets[service] = _target(stack.enter_context(loop.entered(ServiceProcess(plan))).address)
        yield Bench(server, role, targets)


async def run(suite: Suite, at: Bench, channels: Mapping[Service, Any]) -> None:
    """Saves what the file needs, records its events, and takes its tests one after the other."""
    registry = Registry(channels, CALL_S)
    for connection_id in sorted(connection_ids(suite.manifests)):
        place = (at.server.host, at.server.port, suite.workspace, at.role.name)
        await registry.save(stand_in(suite.workspace, connection_id, *place), None)
    suite.applied = await apply(suite.manifests, registry)
    if suite.applied.exit_code:
        return
    await _record(suite, channels["conditions"])
    for case in suite.file.content.tests:
        suite.differences.append(await judge(case, suite.workspace, channels))


async def _record(suite: Suite, channel: Any) -> None:
    events = [event_from_record(record) for record in suite.file.content.events]
    if events:
        stub: Any = engagement_stubs.EngagementServiceStub(channel)  # type: ignore[no-untyped-call]
        request = engagement_wire.RecordEngagementRequest(parent=f"workspaces/{suite.workspace}", events=events)
        try:
            await stub.RecordEngagement(request, timeout=CALL_S)
        except grpc.aio.AioRpcError as error:
            raise remote_error(error) from None


def _target(address: str) -> Target:
    return Target(ChannelSettings(target=address), TelemetrySettings(), "")
