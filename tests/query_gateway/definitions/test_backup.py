"""DirectFlow's own database is backed up and restored by the commands of docs/kubernetes.md, under a gateway."""

import asyncio
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role
from directflow_runtime.errors import StatusCode

DOCUMENT = Path(__file__).parents[3] / "docs" / "kubernetes.md"
CHAPTER = DOCUMENT.read_text().partition("## Back up and restore")[2].partition("\n## ")[0]
PREPARE, BACK_UP, RESTORE = re.findall(r"```(?:sql|sh)\n(.*?)```", CHAPTER, re.DOTALL)
BACKUP_ROLE = Role("directflow_backup", "password-of-the-backup")
HEALED_S = 30.0


def as_role(server: PostgresServer, role: Role) -> Mapping[str, str]:
    """What a shell has in which that role works on the server."""
    programs = str(server.installation.program("psql").parent)
    login = {"PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": role.name, "PGPASSWORD": role.password}
    return {"PATH": f"{programs}:{os.environ['PATH']}", **login}


def run(script: str, environment: Mapping[str, str], folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-euc", script], env=environment, cwd=folder, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


async def readable(gateway: Any, id: str) -> bytes:
    """The document, once the store is there again."""
    async with asyncio.timeout(HEALED_S):
        while True:
            try:
                return bytes((await gateway.get(id)).body)
            except grpc.aio.AioRpcError as error:
                assert error.code() == StatusCode.UNAVAILABLE  # noqa: PT017
            await asyncio.sleep(0.1)


async def test_a_running_gateway_goes_back_to_what_the_backup_holds(
    private_postgres: Any, open_gateway: Any, own_database: Any, tmp_path: Path
) -> None:
    server = private_postgres()
    gateway = await open_gateway(server, own_database(server, "directflow"))
    kept = await gateway.put("kept", b"before")
    server.psql(PREPARE.replace("'...'", f"'{BACKUP_ROLE.password}'"))
    await asyncio.to_thread(run, BACK_UP, as_role(server, BACKUP_ROLE), tmp_path)
    await gateway.put("kept", b"after", etag=kept.etag)
    await gateway.put("lost")
    watch = gateway.watch()
    await gateway.snapshot(watch)

    await asyncio.to_thread(run, RESTORE, as_role(server, server.admin), tmp_path)

    assert await readable(gateway, "kept") == b"before"
    assert (await gateway.failure(gateway.get("lost"))).code == StatusCode.NOT_FOUND
    assert (await gateway.failure(gateway.told(watch, HEALED_S))).reason in ("COMPACTED", "STORE_UNAVAILABLE")
    documents, _ = await gateway.snapshot(gateway.watch())
    assert [document.body for document in documents] == [b"before"]
    saved = await gateway.put("kept", b"again", etag=kept.etag)
    assert saved.revision > kept.revision
    assert gateway.rows("SELECT count(*) FROM directflow.migrations") != [(0,)]
