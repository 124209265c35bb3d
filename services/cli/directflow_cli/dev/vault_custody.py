"""The passwords of a local run in a Vault, which the gateway enters by AppRole: as in production, on one machine.

The Vault is the stand-in, in this process: it ends with the run, and its root token never leaves it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from directflow_cli.dev import toml
from directflow_cli.dev.custody import write_private
from directflow_cli.dev.psql import Role
from directflow_cli.dev.vault import StandInVault
from directflow_cli.dev.vault.policies import in_json

CONNECTIONS = "secret"
"""The mount with a secret for each connection; the next one is for DirectFlow's own database."""
OWN = "directflow-database"
POLICY = APPROLE = "directflow-gateway"
TOKEN_TTL = "1h"  # noqa: S105 (a duration)


@dataclass(frozen=True, slots=True)
class VaultCustody:
    """Secrets of KV version 2 in one Vault; the role and secret id of the gateway's login are in `directory`."""

    vault: StandInVault
    directory: Path
    kind: str = "vault-kv"

    def keep(self, workspace: str, connection: str, password: str) -> None:
        self._put(f"{CONNECTIONS}/data/directflow/{workspace}/{connection}", {"password": password})

    def keep_own(self, logins: Mapping[str, Role]) -> Mapping[str, toml.Setting]:
        for name, login in logins.items():
            self._put(f"{OWN}/data/{name}", {"username": login.name, "password": login.password})
        return {"credential_kind": self.kind, "vault_mount": OWN, "vault_path": "{role}"}

    def settings(self) -> str:
        login = {"method": "approle", "role_id_file": str(self._file("role_id"))}
        place = {"mount": CONNECTIONS, "path": "directflow/{workspace}/{connection}"}
        return (
            toml.section("vault", {"address": self.vault.address})
            + toml.section("vault.login", {**login, "secret_id_file": str(self._file("secret_id"))})
            + toml.section("credentials.vault_kv", place)
        )

    def open(self) -> None:
        """Makes what an operator makes once: mounts, a policy that reads and does nothing else, and the login."""
        for mount in (CONNECTIONS, OWN):
            self.vault.write(f"sys/mounts/{mount}", {"type": "kv", "options": {"version": "2"}})
        rules = {f"{mount}/data/*": ("read",) for mount in (CONNECTIONS, OWN)}
        self.vault.write(f"sys/policies/acl/{POLICY}", {"policy": in_json(rules)})
        self.vault.write("sys/auth/approle", {"type": "approle"})
        role = f"auth/approle/role/{APPROLE}"
        self.vault.write(role, {"token_policies": [POLICY], "token_ttl": TOKEN_TTL})
        for name, found in (
            ("role_id", self.vault.read(f"{role}/role-id")),
            ("secret_id", self.vault.write(f"{role}/secret-id", {})),
        ):
            write_private(self._file(name), found[name])

    def _file(self, name: str) -> Path:
        return self.directory / "vault" / name

    def _put(self, path: str, data: Mapping[str, str]) -> None:
        self.vault.write(path, {"data": dict(data)})


@contextmanager
def serving(directory: Path) -> Iterator[VaultCustody]:
    """A Vault that serves while the block lasts, ready to take passwords."""
    with StandInVault() as vault:
        custody = VaultCustody(vault, directory)
        custody.open()
        yield custody
