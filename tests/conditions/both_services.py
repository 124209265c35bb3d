"""The service in front of a gateway in front of a customer's database, all of them real, in this process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs
from directflow_conditions import app
from directflow_conditions.config import ConditionsSettings
from directflow_gateway import app as gateway_app
from directflow_gateway.config import GatewaySettings

CONNECTION = "workspaces/acme/connections/main"


def customer_with(postgres: Any, database: str, data: str) -> dict[str, Any]:
    """The customer's database, filled, with a role that can only read, as the gateway's settings name it."""
    role = postgres.create_role()
    postgres.psql(data + f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role.name}"', database=database)
    place = {"host": postgres.host, "port": postgres.port, "database": database}
    return {**place, "user": role.name, "password": role.password}


def with_sql(id: str, sql: str) -> dict[str, Any]:
    """A condition of the settings."""
    return {"name": f"workspaces/acme/conditions/{id}", "connection": CONNECTION, "sql": sql}


@asynccontextmanager
async def both_services(
    customer: dict[str, Any], directory: Path, conditions: Sequence[dict[str, Any]]
) -> AsyncIterator[Any]:
    """The stub of EvaluationService."""
    async with AsyncExitStack() as stack:
        gateway = await gateway_app.build(_gateway_settings(customer, directory), stack)
        await gateway.server.start()
        stack.push_async_callback(gateway.server.stop, 0)
        built = await app.build(_settings(gateway.server.port, conditions), stack)
        await built.server.start()
        stack.push_async_callback(built.server.stop, 0)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}"))
        yield stubs.EvaluationServiceStub(channel)  # type: ignore[no-untyped-call]


def _gateway_settings(customer: dict[str, Any], directory: Path) -> GatewaySettings:
    (directory / "acme").mkdir()
    (directory / "acme" / "main").write_text(customer["password"])
    place = {name: value for name, value in customer.items() if name != "password"}
    connection = {"workspace": "acme", "id": "main", "sslmode": "disable", **place}
    return GatewaySettings.model_validate(
        {
            "identity": {"allow_development": True},
            "egress": {"allow_loopback": True},
            "credentials": {"path": f"{directory}/{{workspace}}/{{connection}}"},
            "connections": [connection],
        }
    )


def _settings(port: int, conditions: Sequence[dict[str, Any]]) -> ConditionsSettings:
    return ConditionsSettings.model_validate(
        {
            "gateway": {"target": f"127.0.0.1:{port}"},
            "identity": {"allow_development": True},
            "definitions": {"from_store": False},
            "conditions": list(conditions),
        }
    )
