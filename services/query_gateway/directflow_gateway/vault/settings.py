"""`[vault]`: where Vault is, and how the gateway logs in. Secrets lie in files; none stands in the settings.

[vault]
address = "https://vault.vault.svc:8200"
ca_file = "/etc/directflow/vault-ca/ca.crt"

[vault.login]
method = "kubernetes"
role = "directflow-gateway"
token_file = "/var/run/secrets/directflow/vault/token"
"""

import re
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from directflow_runtime.loopback import is_loopback_host
from directflow_runtime.settings import SettingsModel
from pydantic import Field, field_validator, model_validator

from directflow_gateway.vault.paths import is_vault_path

NAMESPACE = re.compile(r"[\w.-]+(/[\w.-]+)*/?", re.ASCII)


class LoginMethod(StrEnum):
    """How the gateway proves to Vault who it is."""

    KUBERNETES = "kubernetes"
    APPROLE = "approle"
    JWT = "jwt"
    TOKEN = "token"  # noqa: S105


ASKED = {
    LoginMethod.KUBERNETES: ("role", "token_file"),
    LoginMethod.APPROLE: ("role_id_file", "secret_id_file"),
    LoginMethod.JWT: ("role", "token_file"),
    LoginMethod.TOKEN: ("token_file",),
}
FILES = ("token_file", "role_id_file", "secret_id_file")


class VaultLoginSettings(SettingsModel):
    """`[vault.login]`: exactly one method. Every file is read anew at each login: what projects it rotates it."""

    method: LoginMethod
    mount: str = ""
    """Of the auth method; empty: the method's own name."""
    role: str = ""
    """kubernetes, jwt."""
    token_file: Path | None = None
    """kubernetes, jwt: the service account token or JWT, with an audience that Vault's role asks for. token: a Vault
    token, which must be allowed to look itself up (the policy `default` allows it); meant for development."""
    role_id_file: Path | None = None
    secret_id_file: Path | None = None

    @model_validator(mode="after")
    def _is_one_method(self) -> "VaultLoginSettings":
        asked = ASKED[self.method]
        missing = [name for name in asked if not getattr(self, name)]
        foreign = [name for name in ("role", *FILES) if name not in asked and getattr(self, name)]
        relative = [name for name in FILES if (path := getattr(self, name)) and not path.is_absolute()]
        complaints = [
            (f"{self.method} needs {', '.join(missing)}", missing),
            (f"{self.method} takes no {', '.join(foreign)}", foreign),
            (f"an absolute path is needed: {', '.join(relative)}", relative),
            ("mount is no path of Vault", self.mount and not is_vault_path(self.mount)),
            ("the method token has no mount", self.mount and self.method is LoginMethod.TOKEN),
        ]
        if told := [text for text, guilty in complaints if guilty]:
            raise ValueError("; ".join(told))
        return self

    @property
    def path(self) -> str:
        """Where the method's login is, below /v1/."""
        return f"auth/{self.mount or self.method.value}/login"


class VaultSettings(SettingsModel):
    """`[vault]`. Neither VAULT_* variables nor ~/.vault-token, proxies or .netrc have a say."""

    address: str
    """ "https://host:8200"; plain http on loopback only, unless `allow_plaintext` is set."""
    namespace: str = ""
    """Vault Enterprise and HCP."""
    ca_file: str = ""
    """PEM, read again when it changes. Empty: the system's authorities."""
    request_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """The whole of one operation: name, connection, TLS, slow answers, and every retry with its pause."""
    allow_plaintext: bool = False
    """Lets http:// beyond loopback pass. Every secret then crosses the network readable."""
    login: VaultLoginSettings

    @field_validator("namespace")
    @classmethod
    def _is_a_namespace(cls, namespace: str) -> str:
        if namespace and not NAMESPACE.fullmatch(namespace):
            raise ValueError("a namespace is names with slashes between them")
        return namespace

    @model_validator(mode="after")
    def _is_an_address(self) -> "VaultSettings":
        parts = _split(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("address has the form https://host:port")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("address holds no login, no query and no fragment")
        if parts.scheme == "http" and not self.allow_plaintext and not is_loopback_host(parts.hostname):
            raise ValueError("address is http:// beyond loopback: use https, or set allow_plaintext")
        if self.ca_file and not Path(self.ca_file).is_absolute():
            raise ValueError("ca_file: an absolute path is needed")
        return self


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises for what is no number
    except ValueError:
        # `from None`: urlsplit's message holds the address.
        raise ValueError("address has the form https://host:port") from None
    return parts
