"""What the LOGIN step tells an operator when there is no credential, kind by kind, and never where it would be."""

from collections.abc import Callable
from typing import Any

import pytest
from directflow_gateway.connection_service.steps.login import no_credential
from directflow_gateway.connections import Connection, CredentialKind
from directflow_gateway.credentials.unavailable import CAUSES, CredentialsUnavailable

CONNECTION = Connection(workspace="acme", id="main", host="db.example", database="app", user="reader")
WHO = ("operator of DirectFlow", "keeps the credential", "Vault's administrator", "its operator", "Vault's operator")
NOBODY_IN_PARTICULAR = {"SHUTTING_DOWN", "INTERNAL"}


@pytest.mark.parametrize("cause", sorted(CAUSES.keys() - NOBODY_IN_PARTICULAR))
def test_each_cause_names_who_does_what(cause: str) -> None:
    step = no_credential(CredentialsUnavailable(cause), CONNECTION).step
    assert step.name.value == "login"
    assert any(who.lower() in step.advice.lower() for who in WHO)
    assert "workspace acme, connection main" in step.advice
    assert step.advice[0].isupper()


@pytest.mark.parametrize("cause", ["VAULT_NOT_FOUND", "FILE_UNREADABLE", "NO_USER"])
def test_where_a_password_has_to_be_stored_the_sql_makes_its_role(cause: str) -> None:
    assert "CREATE USER" in no_credential(CredentialsUnavailable(cause), CONNECTION).step.mending_sql


@pytest.mark.parametrize("cause", ["VAULT_SEALED", "VAULT_DENIED", "VAULT_NOT_CONFIGURED", "VAULT_NO_ROLE"])
def test_where_the_database_is_not_at_fault_there_is_no_sql(cause: str) -> None:
    assert no_credential(CredentialsUnavailable(cause), CONNECTION).step.mending_sql == ""


@pytest.mark.parametrize("kind", [CredentialKind.VAULT_KV, CredentialKind.VAULT_DYNAMIC, CredentialKind.VAULT_STATIC])
async def test_a_gateway_without_vault_says_so(
    customer: Any, failing_at: Callable[..., Any], kind: CredentialKind
) -> None:
    report = await customer.test(credential_kind=kind)
    step = failing_at(report)
    assert "has no Vault" in step.message
    assert "[vault]" in step.advice
    customer.nothing_leaks(report)
