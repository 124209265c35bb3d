"""What a connection may not be: every violation at once, with its path."""

from dataclasses import replace
from typing import Any

import pytest
from directflow_gateway.connection_service.checks import id_violations, violations
from directflow_gateway.connection_service.draft import LIMIT_FIELDS, Draft
from directflow_gateway.connections import GREATEST, CredentialKind, EgressPolicy, Limits, RolePolicy, SslMode

DRAFT = Draft(
    workspace="acme",
    id="main",
    host="db.example.com",
    port=0,
    database="app",
    user="",
    sslmode=SslMode.VERIFY_FULL,
    ca_pem="",
    credential_kind=CredentialKind.VAULT_KV,
    limits=dict.fromkeys(LIMIT_FIELDS, 0),
    allowed_functions=(),
    role_policy=RolePolicy.REPORT,
)
KEY = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----"


def found(**changed: Any) -> dict[str, str]:
    told = violations(replace(DRAFT, **changed), EgressPolicy(), "connection")
    return {violation.field: violation.description for violation in told}


def test_a_sound_draft_is_a_connection_with_the_defaults() -> None:
    assert found() == {}
    connection = DRAFT.connection()
    assert (connection.port, connection.limits, connection.require_scram) == (5432, Limits(), True)


def test_all_violations_are_told_at_once() -> None:
    told = found(
        host="a,b", port=-1, database="", user="x" * 64, ca_pem="no pem", limits={"pool_size": -1, "max_rows": 10**10},
        allowed_functions=("fine", "two words", "crm.also_fine"),
    )  # fmt: skip
    assert set(told) == {
        "connection.host",
        "connection.port",
        "connection.database",
        "connection.user",
        "connection.tls.ca_pem",
        "connection.limits.pool_size",
        "connection.limits.max_rows",
        "connection.allowed_functions[1]",
    }


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "127.0.0.1", "::1", "0.0.0.0", "/var/run", "a,b", "0x7f000001", ""]
)
def test_a_host_that_leads_astray_is_refused_without_repeating_it(host: str) -> None:
    told = found(host=host)
    assert set(told) == {"connection.host"}
    assert not host or host not in told["connection.host"]


@pytest.mark.parametrize(
    ("host", "refused"), [("8.8.8.8", True), ("10.1.2.3", False), ("db.example.com", False)]
)  # a name is judged by what it resolves to
def test_no_tls_is_for_private_networks_only(host: str, refused: bool) -> None:
    assert ("connection.host" in found(host=host, sslmode=SslMode.DISABLE)) == refused


@pytest.mark.parametrize("name", sorted(LIMIT_FIELDS))
def test_every_limit_has_a_greatest_value(name: str) -> None:
    path = f"connection.limits.{LIMIT_FIELDS[name]}"
    assert found(limits={name: GREATEST[name]}) == {}
    assert set(found(limits={name: GREATEST[name] + 1})) == {path}
    assert set(found(limits={name: -1})) == {path}
    assert replace(DRAFT, limits={name: GREATEST[name]}).connection()


def test_a_private_key_among_the_certificates_is_refused_and_not_repeated() -> None:
    told = found(ca_pem=KEY)
    assert "private key" in told["connection.tls.ca_pem"]
    assert "MIGH" not in str(told)
    assert "MIGH" not in repr(replace(DRAFT, ca_pem=KEY))


def test_an_authority_is_accepted_and_needed_where_no_name_is_verified(authority: Any) -> None:
    assert found(ca_pem=authority.pem) == {}
    assert found(ca_pem=f"# Autorité\n{authority.pem}# encore\n{authority.pem}", sslmode=SslMode.VERIFY_CA) == {}
    for broken in (authority.pem.replace("M", "é", 1), authority.pem[:-30], authority.pem.replace("M", "A")):
        assert set(found(ca_pem=broken)) == {"connection.tls.ca_pem"}
    assert set(found(sslmode=SslMode.VERIFY_CA)) == {"connection.tls.ca_pem"}


@pytest.mark.parametrize("entry", ["full_label", "crm.full_label", 'crm."Odd Name"', "f(int, text)", "operator:@@+",
                                   "relation:crm.remote_orders", "column:ctid"])  # fmt: skip
def test_what_may_be_allowed(entry: str) -> None:
    assert found(allowed_functions=(entry,)) == {}


@pytest.mark.parametrize("entry", ["", "a b", "a.b.c", "f(); DROP TABLE x", "*", "x" * 300])
def test_what_may_not_be_allowed(entry: str) -> None:
    assert set(found(allowed_functions=("f", entry))) == {"connection.allowed_functions[1]"}


@pytest.mark.parametrize("connection_id", ["Main", "a_b", "-a", "a-", "a/b", "..", "a" * 64])
def test_ids_become_parts_of_paths(connection_id: str) -> None:
    (violation,) = id_violations("acme", "parent", connection_id, "connection_id")
    assert (violation.field, "lower-case" in violation.description) == ("connection_id", True)


def test_a_sound_id_has_no_violation() -> None:
    assert id_violations("acme", "parent", "crm-2", "connection_id") == []
