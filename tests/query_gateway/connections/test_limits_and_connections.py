"""Connections as values: their limits, their settings, their etag, and the book they stand in."""

from dataclasses import fields, replace

import pytest
from directflow_gateway.connections import (
    Connection,
    Connections,
    ConnectionSettings,
    CredentialKind,
    EgressSettings,
    LimitOverrides,
    Limits,
    RolePolicy,
    SslMode,
)
from directflow_runtime.errors import DirectFlowError, StatusCode
from pydantic import ValidationError

MINIMAL = {"workspace": "acme", "id": "main", "host": "db.example.com", "database": "app"}


@pytest.mark.parametrize("name", [f.name for f in fields(LimitOverrides) if f.name != "truncate"])
def test_a_call_may_lower_a_limit_and_never_raise_it(name: str) -> None:
    own = Limits()
    value = getattr(own, name)
    assert getattr(own.lowered_by(LimitOverrides(**{name: value / 2})), name) == value / 2
    assert own.lowered_by(LimitOverrides(**{name: value * 2})) == own
    assert own.lowered_by(LimitOverrides(**{name: 0})) == own
    assert own.lowered_by(LimitOverrides(**{name: -1})) == own


def test_the_pool_is_not_the_calls_to_change() -> None:
    own = Limits(pool_size=3, acquire_timeout_s=2)
    lowered = own.lowered_by(LimitOverrides(max_rows=1, truncate=True))
    assert (lowered.pool_size, lowered.acquire_timeout_s, lowered.max_rows, lowered.truncate) == (3, 2, 1, True)


@pytest.mark.parametrize("name", [f.name for f in fields(Limits) if f.name != "truncate"])
def test_a_limit_of_nothing_is_no_limit(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: 0})


def test_a_row_always_fits_the_callers_receive_limit() -> None:
    assert Limits().max_row_bytes < 4 * 1024 * 1024
    with pytest.raises(ValueError, match="max_row_bytes"):
        Limits(max_row_bytes=4 * 1024 * 1024)


def test_settings_say_what_a_connection_is() -> None:
    settings = ConnectionSettings.model_validate(
        {**MINIMAL, "sslmode": "disable", "limits": {"pool_size": 2}, "allowed_functions": ["f", "s.g"]}
    )
    connection = settings.connection()
    assert connection.name == "workspaces/acme/connections/main"
    assert connection.sslmode is SslMode.DISABLE
    assert connection.limits == Limits(pool_size=2)
    assert connection.allowed_functions == {"f", "s.g"}


def test_the_default_verifies_the_server_and_reports_on_the_role() -> None:
    connection = ConnectionSettings.model_validate(MINIMAL).connection()
    assert (connection.port, connection.sslmode, connection.require_scram) == (5432, SslMode.VERIFY_FULL, True)
    assert connection.role_policy is RolePolicy.REPORT


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "x"},
        {"password_path": "/etc/passwd"},
        {"host": "/tmp"},
        {"host": "a,b"},
        {"workspace": "../other"},
        {"id": "Main"},
        {"id": "a.b"},
        {"port": 0},
        {"port": 65536},
        {"database": ""},
        {"database": "a\0b"},
        {"user": "u" * 64},
        {"sslmode": "prefer"},
        {"limits": {"max_row_bytes": 5_000_000}},
        {"limits": {"pool_size": 0}},
    ],
)
def test_settings_refuse_what_no_connection_may_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ConnectionSettings.model_validate({**MINIMAL, **wrong})


def test_egress_settings_become_a_policy() -> None:
    policy = EgressSettings.model_validate({"allow_loopback": True, "denied": ["10.96.0.0/12"]}).policy()
    assert policy.allow_loopback
    assert [str(network) for network in policy.denied] == ["10.96.0.0/12"]


def test_the_etag_changes_with_every_field() -> None:
    connection = Connection(**MINIMAL)
    others = {
        "workspace": "other",
        "id": "second",
        "host": "db2.example.com",
        "port": 5433,
        "database": "app2",
        "user": "u",
        "sslmode": SslMode.REQUIRE,
        "ca_pem": "pem",
        "require_scram": False,
        "limits": Limits(max_rows=1),
        "allowed_functions": frozenset({"f"}),
        "role_policy": RolePolicy.STRICT,
        "credential_kind": CredentialKind.VAULT_KV,
    }
    assert set(others) == {f.name for f in fields(Connection) if f.init}
    etags = {replace(connection, **{name: value}).etag for name, value in others.items()}
    assert len(etags | {connection.etag}) == len(others) + 1
    assert Connection(**MINIMAL).etag == connection.etag


def test_the_etag_does_not_depend_on_the_order_of_a_set() -> None:
    one = Connection(**MINIMAL, allowed_functions=frozenset(map(str, range(100))))
    two = Connection(**MINIMAL, allowed_functions=frozenset(map(str, reversed(range(100)))))
    assert one.etag == two.etag


def test_the_book_finds_by_name_and_lists_a_workspace_in_order() -> None:
    b, a = Connection(**{**MINIMAL, "id": "b"}), Connection(**{**MINIMAL, "id": "a"})
    other = Connection(**{**MINIMAL, "workspace": "acme-two"})
    book = Connections([b, a, other])
    assert book.get("workspaces/acme/connections/b") is b
    assert book.in_workspace("acme") == (a, b)
    with pytest.raises(DirectFlowError) as missing:
        book.get("workspaces/acme/connections/c")
    assert (missing.value.code, missing.value.reason) == (StatusCode.NOT_FOUND, "CONNECTION_NOT_FOUND")


def test_the_book_refuses_a_name_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        Connections([Connection(**MINIMAL), Connection(**MINIMAL)])
