"""The passwords of a local run lie in a Vault: in no file, and behind a login that reads and does nothing else."""

import http.client
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from directflow_cli.dev import vault_custody
from directflow_cli.dev.customer import CustomerDatabase
from directflow_cli.dev.directflow_database import ROLES, DirectFlowDatabase
from directflow_cli.dev.psql import Role
from directflow_cli.dev.settings_files import SettingsFiles
from directflow_cli.dev.vault_custody import VaultCustody

PORTS = {"gateway": 0, "segments": 0, "conditions": 0}
CUSTOMER = CustomerDatabase("127.0.0.1", 5433, "customer", "directflow_readonly", "s3cret-customer", "disable")
OWN = DirectFlowDatabase(
    "127.0.0.1", 5433, "directflow", {name: Role(f"directflow_{name}", f"s3cret-{name}") for name in ROLES}
)
CALL_S = 10.0


@pytest.fixture
def custody(tmp_path: Path) -> Iterator[VaultCustody]:
    with vault_custody.serving(tmp_path) as serving:
        yield serving


@pytest.fixture
def settings(custody: VaultCustody, tmp_path: Path) -> dict[str, Any]:
    """What the gateway of a run is told."""
    files = SettingsFiles(tmp_path, PORTS, "127.0.0.1:4317", custody)
    plan = files.gateway(CUSTOMER, own_database=False, directflow=OWN)
    return tomllib.loads(plan.config.read_text())


def call(custody: VaultCustody, method: str, path: str, token: str = "", body: Any = None) -> tuple[int, Any]:
    place = urlsplit(custody.vault.address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=CALL_S)
    try:
        connection.request(method, f"/v1/{path}", json.dumps(body or {}), {"X-Vault-Token": token} if token else {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


def log_in(custody: VaultCustody, settings: dict[str, Any]) -> str:
    """As the gateway does, with what its settings name."""
    login = settings["vault"]["login"]
    ids = {name: Path(login[f"{name}_file"]).read_text() for name in ("role_id", "secret_id")}
    return str(call(custody, "POST", f"auth/{login['method']}/login", body=ids)[1]["auth"]["client_token"])


def test_the_settings_lead_to_every_password(custody: VaultCustody, settings: dict[str, Any]) -> None:
    assert settings["vault"]["address"] == custody.vault.address
    assert settings["connections"][0]["credential_kind"] == "vault-kv"
    token = log_in(custody, settings)
    kv = settings["credentials"]["vault_kv"]
    path = f"{kv['mount']}/data/{kv['path']}".format(workspace="demo", connection="customer")
    assert call(custody, "GET", path, token)[1]["data"]["data"] == {"password": CUSTOMER.password}
    own = settings["directflow_database"]
    assert own["credential_kind"] == "vault-kv"
    for name, role in OWN.roles.items():
        path = f"{own['vault_mount']}/data/{own['vault_path']}".format(role=name)
        login = {"username": role.name, "password": role.password}
        assert call(custody, "GET", path, token)[1]["data"]["data"] == login


def test_no_file_holds_a_password_or_the_root_token(
    custody: VaultCustody, settings: dict[str, Any], tmp_path: Path
) -> None:
    texts = {file: file.read_text() for file in tmp_path.rglob("*") if file.is_file()}
    assert len(texts) >= 3, "the settings, the role id and the secret id"
    assert not [file for file, text in texts.items() if "s3cret" in text or custody.vault.root_token in text]
    assert {file.stat().st_mode & 0o777 for file in texts} == {0o600}


def test_the_gateways_login_reads_and_does_nothing_else(custody: VaultCustody, settings: dict[str, Any]) -> None:
    token = log_in(custody, settings)
    for method, path in (
        ("POST", "secret/data/directflow/demo/customer"),
        ("DELETE", "secret/data/directflow/demo/customer"),
        ("GET", "sys/mounts"),
        ("POST", "auth/token/create"),
        ("POST", "auth/approle/role/directflow-gateway/secret-id"),
        ("PUT", "sys/seal"),
    ):
        assert call(custody, method, path, token)[0] == 403, path


def test_no_template_of_a_connection_leads_to_directflows_own_database(settings: dict[str, Any]) -> None:
    assert settings["directflow_database"]["vault_mount"] != settings["credentials"]["vault_kv"]["mount"]
