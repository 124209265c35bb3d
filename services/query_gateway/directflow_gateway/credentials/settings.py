"""`[credentials]`: where the credential of a connection lies. No connection names the place.

[credentials]
path = "/var/run/directflow/credentials/{workspace}/{connection}"

[credentials.vault_kv]
mount = "secret"
path = "directflow/{workspace}/{connection}"

[credentials.vault_dynamic]
mount = "database"
role = "{workspace}_{connection}"

[credentials.vault_static]
mount = "database"
role = "{workspace}_{connection}"
"""

from pathlib import Path
from typing import ClassVar

from directflow_runtime.settings import SettingsModel
from pydantic import Field, field_validator

from directflow_gateway.credentials.template import BOTH, PLACEHOLDER, Template
from directflow_gateway.vault.paths import is_vault_path


def vault_path(text: str) -> str:
    """Checks a mount or a path of Vault. Raises ValueError."""
    if not is_vault_path(text):
        raise ValueError("is no path of Vault: names with slashes between them, none at the ends")
    return text


def vault_template(text: str, names: tuple[str, ...] = BOTH) -> str:
    """Checks a path of Vault with names in braces. Raises ValueError."""
    Template(text, names)
    vault_path(PLACEHOLDER.sub("a", text))
    return text


class VaultKvSettings(SettingsModel):
    """`[credentials.vault_kv]`: secrets of KV version 2."""

    mount: str = "secret"
    path: str = "directflow/{workspace}/{connection}"
    username_field: str = Field(default="username", min_length=1)
    """Where the secret has none: the connection's user."""
    password_field: str = Field(default="password", min_length=1)

    _mount = field_validator("mount")(vault_path)
    _path = field_validator("path")(vault_template)

    def place(self) -> Template:
        """Below /v1/."""
        return Template(f"{self.mount}/data/{self.path}")


class VaultRoleSettings(SettingsModel):
    """Roles of Vault's database engine."""

    ENDPOINT: ClassVar[str]
    """Behind the mount: what gives the credentials of a role."""

    mount: str = "database"
    role: str = "{workspace}_{connection}"

    _mount = field_validator("mount")(vault_path)
    _role = field_validator("role")(vault_template)

    def place(self) -> Template:
        """Below /v1/."""
        return Template(f"{self.mount}/{self.ENDPOINT}/{self.role}")


class VaultDynamicSettings(VaultRoleSettings):
    """`[credentials.vault_dynamic]`: roles for which Vault makes users."""

    ENDPOINT = "creds"


class VaultStaticSettings(VaultRoleSettings):
    """`[credentials.vault_static]`: roles whose password Vault changes."""

    ENDPOINT = "static-creds"


class CredentialSettings(SettingsModel):
    """`[credentials]`."""

    path: str = ""
    """Absolute file path with `{workspace}` and `{connection}`. Empty: no credential comes from a file."""
    vault_kv: VaultKvSettings = VaultKvSettings()
    vault_dynamic: VaultDynamicSettings = VaultDynamicSettings()
    vault_static: VaultStaticSettings = VaultStaticSettings()

    @field_validator("path")
    @classmethod
    def _keeps_connections_apart(cls, path: str) -> str:
        if path:
            Template(path)
            if not Path(path).is_absolute():
                raise ValueError("has to be absolute")
        return path

    def may_give(self, place: str) -> bool:
        """True when some connection's credential would be looked for there: a file, or a path below /v1/."""
        files = [Template(self.path)] if self.path else []
        places = [self.vault_kv.place(), self.vault_dynamic.place(), self.vault_static.place(), *files]
        return any(template.may_give(place) for template in places)
