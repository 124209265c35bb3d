"""docs/credentials.md: every command, on the real Vault, and what a gateway may do afterwards."""

import os
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.config import GatewaySettings
from directflow_gateway.connections import Connection, CredentialKind, SslMode
from directflow_gateway.credentials.by_kind import source_by_kind
from directflow_gateway.credentials.unavailable import CredentialsUnavailable
from directflow_gateway.directflow_database import DatabaseRole
from directflow_gateway.directflow_database.credential_source import credential_source
from directflow_gateway.vault import VaultFailure, VaultSession, VaultSettings

from ...certificates import Authority
from ..vault.servers import RealVault, Vault, real_vault_program
from ..vault.sessions import opened

DOCUMENT = Path(__file__).parents[3] / "docs" / "credentials.md"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    assert found
    return found


def test_the_documented_settings_are_settings() -> None:
    given = tomllib.loads(blocks("toml")[0])
    given["directflow_database"] |= {"host": "db.example", "database": "directflow"}
    settings = GatewaySettings.model_validate(given)
    defaults = GatewaySettings.model_validate({"vault": given["vault"]})
    path = settings.credentials.path
    assert settings.credentials == defaults.credentials.model_copy(update={"path": path})


class Administrator:
    """Runs the documented blocks of one server in a folder."""

    def __init__(self, vault: Vault, server: PostgresServer, folder: Path) -> None:
        self._server, self._folder = server, folder
        self._path = f"{real_vault_program().parent}:{os.environ['PATH']}"
        self.vault = vault

    def run(self, word: str) -> None:
        """The one block that holds the word."""
        (block,) = [block for block in blocks("sh") if word in block]
        place = f"{self._server.host}:{self._server.port}/postgres?sslmode=disable"
        block = block.replace("db.acme.example:5432/app?sslmode=verify-full", place)
        environment = {
            "PATH": self._path,
            "HOME": str(self._folder),
            "VAULT_ADDR": self.vault.address,
            "VAULT_TOKEN": self.vault.root_token,
        }
        ran = subprocess.run(["sh", "-euc", block], cwd=self._folder, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr

    def settings(self) -> VaultSettings:
        files = {f"{name}_file": self._folder / name for name in ("role_id", "secret_id")}
        return VaultSettings.model_validate({"address": self.vault.address, "login": {"method": "approle", **files}})


@pytest.fixture
def administrator(
    _real_vault_process: RealVault, private_postgres: Callable[..., PostgresServer], tmp_path: Path
) -> Iterator[tuple[Administrator, PostgresServer]]:
    """Of an empty Vault, and of a PostgreSQL with the documented role."""
    server = private_postgres()
    server.psql("CREATE ROLE directflow_readonly LOGIN PASSWORD 'first'")
    for statement in blocks("sql"):
        server.psql(statement)
    _real_vault_process.reset()
    (tmp_path / "ca.crt").write_bytes(Authority(tmp_path / "cluster").root)
    yield Administrator(_real_vault_process, server, tmp_path), server
    _real_vault_process.reset()


async def test_every_command_works_and_the_policy_allows_what_it_must_and_no_more(
    administrator: tuple[Administrator, PostgresServer],
) -> None:
    admin, server = administrator
    for word in ("vault policy", "enable kubernetes", "enable approle", "kv put", "enable database", "default_ttl"):
        admin.run(word)

    def connection(kind: CredentialKind, workspace: str = "acme") -> Connection:
        return Connection(
            workspace=workspace,
            id="crm",
            host=server.host,
            port=server.port,
            database="postgres",
            sslmode=SslMode.DISABLE,
            credential_kind=kind,
        )

    async with opened(admin.settings()) as heard:
        source = source_by_kind(GatewaySettings().credentials, heard.session)
        kv = await source.read(connection(CredentialKind.VAULT_KV))
        assert (kv.user, kv.password.reveal()) == ("directflow_readonly", "first")
        made = await source.read(connection(CredentialKind.VAULT_DYNAMIC))
        assert server.psql(f"SELECT 1 FROM pg_roles WHERE rolname = '{made.user}'").strip() == "1"
        assert (await source.read(connection(CredentialKind.VAULT_DYNAMIC), made)).user == made.user  # renewed
        admin.run("static-roles")
        static = await source.read(connection(CredentialKind.VAULT_STATIC))
        assert static.user == "directflow_readonly"
        with pytest.raises(CredentialsUnavailable) as absent:
            await source.read(connection(CredentialKind.VAULT_KV, "other"))
        assert absent.value.cause == "VAULT_NOT_FOUND"
        await _is_denied(heard.session)


async def _is_denied(session: VaultSession) -> None:
    for path in (
        "secret/data/other",
        "secret/data/directflow/acme",
        "secret/metadata/directflow/acme/crm",
        "sys/mounts",
    ):
        with pytest.raises(VaultFailure, match="DENIED"):
            await session.read(path)
    with pytest.raises(VaultFailure, match="DENIED"):
        await session.write("secret/data/directflow/acme/crm", {"data": {"password": "mine"}})


async def test_directflows_own_database_takes_its_logins_from_a_place_of_its_own(
    administrator: tuple[Administrator, PostgresServer],
) -> None:
    admin, _ = administrator
    for word in ("vault policy", "enable approle", "kv put"):
        admin.run(word)
    given = tomllib.loads(blocks("toml")[0])
    given["directflow_database"] |= {"host": "db.example", "database": "directflow"}
    own = GatewaySettings.model_validate(given).directflow_database
    assert own is not None
    admin.vault.ok("POST", "secret/data/directflow-database/writer", {"data": {"username": "w", "password": "p"}})
    async with opened(admin.settings()) as heard:
        source = credential_source(own, heard.session)
        assert (await source.read(own.connection(DatabaseRole.WRITER))).user == "w"
        with pytest.raises(CredentialsUnavailable) as absent:
            await source.read(own.connection(DatabaseRole.READER))
        assert absent.value.cause == "VAULT_NOT_FOUND"
