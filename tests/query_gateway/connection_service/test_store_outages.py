"""Without DirectFlow's database, for a while or for good, what is known goes on and only saving is refused."""

import asyncio
import contextlib
import json
from typing import Any

import grpc
import pytest
from directflow.gateway.v1 import connection_service_pb2 as pb
from directflow_cli.dev import directflow_database

from .replica import Gateway, failure


async def test_without_a_store_only_the_settings_connections_are_there(open_gateway: Any) -> None:
    gateway: Gateway = await open_gateway(directflow_database=None)
    assert (await failure(gateway.get())).reason == "CONNECTION_NOT_FOUND"
    assert (await failure(gateway.create())).reason == "STORE_NOT_CONFIGURED"
    gateway.store_secret()
    steps = await gateway.test(connection=gateway.connection(name=gateway.name()))
    assert steps["login"].outcome == pb.STEP_OUTCOME_OK


async def test_while_the_store_is_away_everything_goes_on_but_saving(
    open_gateway: Any, private_postgres: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = private_postgres()
    folder = tmp_path_factory.mktemp("own")
    made = directflow_database.create(own, "own")
    for name, role in made.roles.items():
        (folder / f"{name}.json").write_text(json.dumps({"username": role.name, "password": role.password}))
    place = {"host": made.host, "port": made.port, "database": made.database, "sslmode": "disable"}
    credentials = {f"{name}_credential": str(folder / f"{name}.json") for name in made.roles}
    gateway: Gateway = await open_gateway(directflow_database={**place, **credentials})
    gateway.store_secret()
    saved = await gateway.create()
    own.stop()
    assert await gateway.ask("SELECT id FROM users") == 2
    assert await gateway.get() == saved
    assert (await gateway.test(name=gateway.name()))["round_trip"].outcome == pb.STEP_OUTCOME_OK
    assert (await failure(gateway.update(saved, database="postgres"))).reason == "STORE_UNAVAILABLE"
    unsaved = await gateway.test(connection=gateway.connection(name=gateway.name("new")))
    assert unsaved["login"].outcome == pb.STEP_OUTCOME_SKIPPED
    own.start()
    for _ in range(200):
        with contextlib.suppress(grpc.aio.AioRpcError):
            await gateway.update(saved, database="postgres")
            break
        await asyncio.sleep(0.05)
    assert (await gateway.get()).database == "postgres"
