"""A gateway of our own for the time of a check, before a database that only a URL names."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from directflow_cli.dev import toml
from directflow_cli.dev.customer import CustomerDatabase
from directflow_cli.dev.processes import ServicePlan, ServiceProcess

WORKSPACE: Final = "check"
CONNECTION: Final = "check"
CONNECTION_NAME: Final = f"workspaces/{WORKSPACE}/connections/{CONNECTION}"
IDLE_SECONDS: Final = 3600.0


@asynccontextmanager
async def private_gateway(
    database: CustomerDatabase, sessions: int, log: Path | None = None
) -> AsyncIterator[ServiceProcess]:
    """Serves inside the block, with up to `sessions` sessions on the database; its log is kept as `log`.

    The password lies in a file that only we can read, in a directory that is removed in the end: it is in no command
    line, in no environment and in no settings file. The gateway ends with us, even when we are killed.
    """
    with tempfile.TemporaryDirectory(prefix="directflow-check-") as name:
        directory = Path(name)
        gateway = ServiceProcess(_plan(directory, database, sessions))
        try:
            async with gateway:
                yield gateway
        finally:
            if log is not None:
                shutil.copyfile(gateway.log.file, log)


def _plan(directory: Path, database: CustomerDatabase, sessions: int) -> ServicePlan:
    announce, config = directory / "gateway.json", directory / "gateway.toml"
    _write_private(directory / "credential" / WORKSPACE / CONNECTION, database.password)
    server: dict[str, toml.Setting] = {
        "announce_file": str(announce),
        "parent_pid": os.getpid(),
        "lame_duck_s": 0.0,
        "drain_grace_s": 1.0,
        "reflection": False,
    }
    sections = [
        toml.section("server", server),
        toml.section("identity", {"allow_development": True}),
        toml.section("egress", {"allow_loopback": True}),
        toml.section("credentials", {"path": f"{directory}/credential/{{workspace}}/{{connection}}"}),
        toml.element("connections", _connection(database)),
        toml.section("connections.limits", {"pool_size": sessions, "acquire_timeout_s": IDLE_SECONDS}),
    ]
    _write_private(config, "".join(sections))
    return ServicePlan("gateway", "directflow_gateway", config, announce)


def _connection(database: CustomerDatabase) -> dict[str, toml.Setting]:
    return {
        "workspace": WORKSPACE,
        "id": CONNECTION,
        "host": database.host,
        "port": database.port,
        "database": database.database,
        "user": database.user,
        "sslmode": database.sslmode,
        "ca_pem": database.ca_pem,
        # A developer's own database may be theirs as superuser, or without a password: told, not refused.
        "role_policy": "dev",
        "require_scram": False,
    }


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch(mode=0o600)
    file.write_text(text)
