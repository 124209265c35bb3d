"""`[vault]`, `[credentials]` and `[directflow_database]`: what can never work is refused at the start, and says why."""

from typing import Any

import pytest
from directflow_gateway.config import GatewaySettings
from pydantic import ValidationError

VAULT = {"address": "https://vault.example:8200", "login": {"method": "token", "token_file": "/run/token"}}
FILES = {"path": "/run/credentials/{workspace}/{connection}"}
CONNECTION = {"workspace": "acme", "id": "main", "host": "db.example", "database": "app"}
OWN = {"host": "db.example", "database": "directflow"}
OWN_FILES = {f"{name}_credential": f"/run/own/{name}.json" for name in ("owner", "writer", "reader")}


def settings(**given: Any) -> GatewaySettings:
    return GatewaySettings.model_validate(given)


def refusal(**given: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        settings(**given)
    return str(refused.value)


def kind(name: str) -> dict[str, Any]:
    return {**CONNECTION, "credential_kind": name}


def test_places_have_defaults() -> None:
    credentials = settings(vault=VAULT).credentials
    assert credentials.vault_kv.place().text == "secret/data/directflow/{workspace}/{connection}"
    assert credentials.vault_dynamic.place().text == "database/creds/{workspace}_{connection}"
    assert credentials.vault_static.place().text == "database/static-creds/{workspace}_{connection}"


@pytest.mark.parametrize("name", ["vault-kv", "vault-dynamic", "vault-static"])
def test_a_connection_with_a_kind_of_vault_needs_vault(name: str) -> None:
    assert f"connection main of workspace acme: credential_kind {name} needs [vault]" in refusal(
        connections=[kind(name)], credentials=FILES
    )
    assert settings(connections=[kind(name)], vault=VAULT)


def test_a_connection_with_a_file_needs_a_path() -> None:
    assert "needs a path under [credentials]" in refusal(connections=[CONNECTION], vault=VAULT)


@pytest.mark.parametrize(
    ("section", "given", "said"),
    [
        ("vault_kv", {"path": "directflow/{connection}"}, "{workspace} and {connection}"),
        ("vault_kv", {"path": "{workspace}-{connection}"}, "apart"),
        ("vault_kv", {"path": "/{workspace}/{connection}"}, "no path of Vault"),
        ("vault_kv", {"path": "{workspace}/../{connection}"}, "no path of Vault"),
        ("vault_kv", {"mount": "secret/"}, "no path of Vault"),
        ("vault_kv", {"password_field": ""}, "password_field"),
        ("vault_dynamic", {"role": "directflow-{workspace}-{connection}"}, "apart"),
        ("vault_static", {"role": "{workspace}"}, "{workspace} and {connection}"),
        ("vault_static", {"mount": ""}, "no path of Vault"),
    ],
)
def test_places_that_would_mix_connections_up_are_refused(section: str, given: dict[str, str], said: str) -> None:
    told = refusal(vault=VAULT, credentials={section: given})
    assert said in told
    assert f"credentials.{section}" in told


@pytest.mark.parametrize(
    "path", ["relative/{workspace}/{connection}", "/run/{workspace}", "/run/{workspace}{connection}"]
)
def test_a_file_template_is_checked_too(path: str) -> None:
    assert "credentials.path" in refusal(credentials={"path": path})


@pytest.mark.parametrize("name", ["vault-kv", "vault-dynamic", "vault-static"])
def test_directflows_own_database_has_a_template_of_its_own(name: str) -> None:
    own = {**OWN, "credential_kind": name, "vault_path": "own.{role}"}
    assert settings(vault=VAULT, directflow_database=own)
    assert "directflow_database: credential_kind" in refusal(directflow_database=own)
    assert "{role}" in refusal(vault=VAULT, directflow_database={**own, "vault_path": "own"})
    assert "vault_path" in refusal(vault=VAULT, directflow_database={**own, "vault_path": ""})
    assert "owner_credential: not with" in refusal(vault=VAULT, directflow_database={**own, **OWN_FILES})


@pytest.mark.parametrize(
    "own",
    [
        {"credential_kind": "vault-kv", "vault_path": "directflow/system/{role}"},
        {"credential_kind": "vault-dynamic", "vault_path": "system_{role}"},
        {f"{name}_credential": f"/run/credentials/system/{name}" for name in ("owner", "writer", "reader")},
    ],
)
def test_no_connection_can_have_the_name_of_its_place(own: dict[str, str]) -> None:
    """A workspace "system" could otherwise make a connection "owner", and be handed the owner's password."""
    assert "where a connection's could be" in refusal(
        vault=VAULT, credentials=FILES, directflow_database={**OWN, **own}
    )


def test_files_and_vault_do_not_mix_for_its_own_database() -> None:
    assert "vault_path: not with credential_kind file" in refusal(
        directflow_database={**OWN, **OWN_FILES, "vault_path": "own/{role}"}
    )
