"""Where the gateway of a local run finds its passwords: in a Vault, or in private files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from directflow_cli.dev import toml
from directflow_cli.dev.psql import Role


class Custody(Protocol):
    """Takes passwords, and writes the settings by which the gateway finds them. No setting holds one."""

    @property
    def kind(self) -> str:
        """As the gateway's settings name it."""

    def keep(self, workspace: str, connection: str, password: str) -> None:
        """Of a connection, which itself names the user."""

    def keep_own(self, logins: Mapping[str, Role]) -> Mapping[str, toml.Setting]:
        """Of DirectFlow's own database, by owner, writer and reader; the settings that lead to them."""

    def settings(self) -> str:
        """The sections of the gateway's settings that lead to the connections' credentials."""


@dataclass(frozen=True, slots=True)
class PrivateFiles:
    """Files (0600) below a directory, as something like Vault Agent leaves them."""

    directory: Path
    kind: str = "file"

    def keep(self, workspace: str, connection: str, password: str) -> None:
        write_private(self.directory / "credentials" / workspace / connection, password)

    def keep_own(self, logins: Mapping[str, Role]) -> Mapping[str, toml.Setting]:
        folder = self.directory / "directflow_database"
        for name, login in logins.items():
            text = json.dumps({"username": login.name, "password": login.password})
            write_private(folder / f"{name}.json", text)
        return {f"{name}_credential": str(folder / f"{name}.json") for name in logins}

    def settings(self) -> str:
        return toml.section("credentials", {"path": f"{self.directory}/credentials/{{workspace}}/{{connection}}"})


def write_private(file: Path, text: str) -> None:
    """A file that only this account reads."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch(mode=0o600)
    file.write_text(text)
