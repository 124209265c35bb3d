"""Segments in front of the real gateway on a real PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.segments.v1 import audience_service_pb2_grpc as stubs
from directflow_gateway import app as gateway_app
from directflow_gateway.config import GatewaySettings
from directflow_segments import app
from directflow_segments.config import SegmentsSettings

NAME = "workspaces/acme/dataSources/people"
CHESS = (
    "SELECT p.id AS profile_id, p.email, p.phone FROM people p JOIN members m ON m.person = p.id\n"
    "WHERE m.club = '<%= club %>' AND p.active\n  AND p.spent > <%= least %>"
)


@pytest.fixture(scope="module")
def customer(postgres: Any, postgres_database: str) -> dict[str, Any]:
    """The customer's database with a role that can only read, as the gateway's settings name it."""
    role = postgres.create_role()
    postgres.psql(file=Path(__file__).with_name("people.sql"), database=postgres_database)
    postgres.psql(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role.name}"', database=postgres_database)
    return {
        "host": postgres.host,
        "port": postgres.port,
        "database": postgres_database,
        "user": role.name,
        "password": role.password,
    }


@pytest.fixture
async def audiences(customer: dict[str, Any], tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """`stub = await audiences(generator_sql=..., may_define=False)`: AudienceService with one data source."""
    async with AsyncExitStack() as stack:
        gateway = await gateway_app.build(_gateway_settings(customer, tmp_path), stack)
        await gateway.server.start()
        stack.push_async_callback(gateway.server.stop, 0)

        async def start(may_define: bool = True, **data_source: Any) -> Any:
            built = await app.build(_settings(gateway.server.port, may_define, data_source), stack)
            await built.server.start()
            stack.push_async_callback(built.server.stop, 0)
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}"))
            return stubs.AudienceServiceStub(channel)  # type: ignore[no-untyped-call]

        yield start


def _gateway_settings(customer: dict[str, Any], directory: Path) -> GatewaySettings:
    (directory / "acme").mkdir()
    (directory / "acme" / "main").write_text(customer["password"])
    place = {name: value for name, value in customer.items() if name != "password"}
    return GatewaySettings.model_validate(
        {
            "identity": {"allow_development": True},
            "egress": {"allow_loopback": True},
            "credentials": {"path": f"{directory}/{{workspace}}/{{connection}}"},
            "connections": [{"workspace": "acme", "id": "main", "sslmode": "disable", **place}],
        }
    )


def _settings(port: int, may_define: bool, data_source: dict[str, Any]) -> SegmentsSettings:
    caller = {"name": "development", "services": [""], "workspaces": ["acme"], "may_define": may_define}
    given = {
        "name": NAME,
        "connection": "workspaces/acme/connections/main",
        "discovery_sql": "SELECT id, title, id AS club FROM clubs ORDER BY id",
        "generator_sql": CHESS,
        "variables": [{"name": "least", "kind": "integer", "default": 10}],
    }
    return SegmentsSettings.model_validate(
        {
            "gateway": {"target": f"127.0.0.1:{port}"},
            "identity": {"allow_development": True, "callers": [caller]},
            "data_sources": [{**given, **data_source}],
        }
    )
