"""What each kind of credential reads in Vault, on the real server and the stand-in, and what their refusals say."""

import asyncio
import time

import pytest
from directflow_cli.dev.psql import Role
from directflow_gateway.connections import CredentialKind
from directflow_gateway.credentials import Credential
from directflow_gateway.credentials.reading import FRESH_S
from directflow_gateway.credentials.template import Template
from directflow_gateway.credentials.unavailable import CredentialsUnavailable
from directflow_gateway.credentials.vault_static import VaultStaticSource
from directflow_gateway.vault import Answer

from ..vault import setups
from ..vault.faults import Fault
from .conftest import Site

KV, DYNAMIC, STATIC = CredentialKind.VAULT_KV, CredentialKind.VAULT_DYNAMIC, CredentialKind.VAULT_STATIC


async def refusal(gateway: Site, kind: CredentialKind, **more: str) -> CredentialsUnavailable:
    with pytest.raises(CredentialsUnavailable) as refused:
        await gateway.source.read(gateway.connection(kind, **more))
    error = refused.value
    for told in (str(error), repr(error), repr(error.metadata)):
        assert not any(word in told for word in ("acme", "directflow/", "secret/", "database/", "127.0.0.1", "hunter2"))
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    assert error.retry_after
    return error


def remaining(credential: Credential) -> float:
    assert credential.expires_at is not None
    return credential.expires_at - time.monotonic()


# --- KV ------------------------------------------------------------------------------------------------------------


async def test_kv_reads_the_newest_version(gateway: Site) -> None:
    setups.put_kv(gateway.vault, "directflow/acme/main", {"username": "u", "password": "one"})
    first = await gateway.source.read(gateway.connection(KV))
    setups.put_kv(gateway.vault, "directflow/acme/main", {"password": "two", "note": "for people"})
    second = await gateway.source.read(gateway.connection(KV, user="reader"))
    assert (first.user, first.password.reveal()) == ("u", "one")
    assert (second.user, second.password.reveal()) == ("reader", "two")
    assert first.generation != second.generation


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"password": ""}, "VAULT_CONTENT"),
        ({"username": "u"}, "VAULT_CONTENT"),
        ({"password": 17}, "VAULT_CONTENT"),
        ({"password": "hunter2"}, "NO_USER"),
    ],
)
async def test_kv_says_what_is_wrong_with_a_secret_and_nothing_of_it(
    gateway: Site, fields: dict[str, object], cause: str
) -> None:
    setups.put_kv(gateway.vault, "directflow/acme/main", fields)
    assert (await refusal(gateway, KV)).cause == cause


async def test_kv_knows_a_secret_that_is_not_there_from_one_that_is_deleted_by_neither(gateway: Site) -> None:
    setups.mounted(gateway.vault, "kv", "secret", {"version": "2"})
    assert (await refusal(gateway, KV)).cause == "VAULT_NOT_FOUND"
    setups.put_kv(gateway.vault, "directflow/acme/main", {"password": "p"})
    gateway.vault.ok("DELETE", "secret/data/directflow/acme/main")
    assert (await refusal(gateway, KV)).cause == "VAULT_NOT_FOUND"


# --- dynamic -------------------------------------------------------------------------------------------------------


@pytest.fixture
def dynamic(gateway: Site) -> Site:
    setups.database(gateway.vault, gateway.server)
    setups.dynamic_role(gateway.vault, "acme_main", default_ttl="30s", max_ttl="24h")
    return gateway


async def test_dynamic_makes_a_user_that_can_log_in(dynamic: Site) -> None:
    connection = dynamic.connection(DYNAMIC)
    user = await dynamic.ask(connection)
    assert user in setups.vault_roles(dynamic.server)
    credential = await dynamic.keyrings.of(connection).credential()
    assert credential.user == user
    assert user not in repr(credential)
    assert credential.lease is not None
    assert credential.lease.id.reveal() not in repr(credential)
    assert credential.refresh_at is not None
    assert 17 < credential.refresh_at - time.monotonic() <= 20
    assert 25 < remaining(credential) <= 30


async def test_dynamic_renews_a_lease_and_keeps_its_user(dynamic: Site) -> None:
    connection = dynamic.connection(DYNAMIC)
    first = await dynamic.source.read(connection)
    await asyncio.sleep(1.1)
    second = await dynamic.source.read(connection, first)
    assert second.generation == first.generation
    assert remaining(second) > remaining(first) + 0.5
    assert dynamic.leases() == 1


async def test_dynamic_makes_another_user_when_the_database_refused_the_first(dynamic: Site) -> None:
    connection = dynamic.connection(DYNAMIC)
    first = await dynamic.source.read(connection)
    assert (await dynamic.source.read(connection, first, refused=True)).user != first.user


async def test_dynamic_makes_another_user_when_its_lease_is_gone(dynamic: Site) -> None:
    connection = dynamic.connection(DYNAMIC)
    first = await dynamic.source.read(connection)
    assert first.lease is not None
    dynamic.vault.ok("PUT", "sys/leases/revoke", {"lease_id": first.lease.id.reveal(), "sync": True})
    assert (await dynamic.source.read(connection, first)).user != first.user


async def test_dynamic_follows_a_lease_to_its_greatest_age_and_replaces_it_before(gateway: Site) -> None:
    setups.database(gateway.vault, gateway.server)
    setups.dynamic_role(gateway.vault, "acme_main", default_ttl="8s", max_ttl="9s")
    connection = gateway.connection(DYNAMIC)
    first = await gateway.source.read(connection)
    await asyncio.sleep(2.5)
    second = await gateway.source.read(connection, first)
    assert second.user == first.user
    assert second.lease is not None
    assert not second.lease.renewable  # it came back short
    assert second.refresh_at is not None
    assert second.expires_at is not None
    assert 1.1 < second.expires_at - second.refresh_at <= 1.3  # 15 % of 8 s
    third = await gateway.source.read(connection, second)
    assert third.user != first.user


async def test_dynamic_hangs_its_lease_on_the_present_login(dynamic: Site) -> None:
    connection = dynamic.connection(DYNAMIC)
    first = await dynamic.source.read(connection)
    dynamic.vault.ok("POST", "auth/token/revoke", {"token": dynamic.token()})
    second = await dynamic.source.read(connection, first)
    assert second.user != first.user
    assert second.lease is not None
    assert first.lease is not None
    assert second.lease.epoch == first.lease.epoch + 1


async def test_dynamic_says_that_there_is_no_role(gateway: Site) -> None:
    setups.database(gateway.vault, gateway.server)
    assert (await refusal(gateway, DYNAMIC)).cause == "VAULT_NO_ROLE"


# --- static --------------------------------------------------------------------------------------------------------


async def test_static_reads_the_password_that_vault_gave_last(gateway: Site, role: Role) -> None:
    setups.database(gateway.vault, gateway.server)
    setups.static_role(gateway.vault, "acme_main", role)
    connection = gateway.connection(STATIC)
    assert await gateway.ask(connection) == role.name
    first = await gateway.source.read(connection)
    setups.rotate(gateway.vault, "acme_main")
    second = await gateway.source.read(connection, first)
    assert (second.user, second.generation != first.generation) == (role.name, True)


async def test_static_is_due_right_after_its_rotation(gateway: Site, role: Role) -> None:
    setups.database(gateway.vault, gateway.server)
    setups.static_role(gateway.vault, "acme_main", role, rotation_period="5s")
    read = await gateway.source.read(gateway.connection(STATIC))
    assert read.refresh_at is not None
    assert read.refresh_at - time.monotonic() <= 5.7


class Lying:
    """Where a Vault answers what no Vault does."""

    epoch = 1

    def __init__(self, **data: object) -> None:
        self._data = data

    async def read(self, path: str) -> Answer:
        return Answer(self._data, None, 0.0, False, 1)

    async def write(self, path: str, body: object) -> Answer:
        raise AssertionError

    def ends_at(self) -> None:
        """Never."""


@pytest.mark.parametrize("ttl", [10**400, float("nan"), float("inf"), -1, True, "5"])
async def test_static_is_read_at_the_usual_pace_where_its_end_makes_no_sense(gateway: Site, ttl: object) -> None:
    source = VaultStaticSource(Lying(username="u", password="p", ttl=ttl), Template("{workspace}_{connection}"))
    read = await source.read(gateway.connection(STATIC))
    assert read.refresh_at is not None
    assert 5 < read.refresh_at - time.monotonic() <= FRESH_S


# --- all -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [KV, DYNAMIC, STATIC])
async def test_each_failure_of_vault_has_its_cause(gateway: Site, kind: CredentialKind) -> None:
    setups.policy(gateway.vault, "gateway", {"secret/data/other": ["read"]})
    assert (await refusal(gateway, kind)).cause == "VAULT_DENIED"
    gateway.vault.seal()
    assert (await refusal(gateway, kind)).cause == "VAULT_SEALED"
    gateway.vault.unseal()
    for fault, cause in [(Fault.REFUSE, "VAULT_UNREACHABLE"), (Fault.NOT_JSON, "VAULT_MALFORMED")]:
        gateway.proxy.fault = fault
        assert (await refusal(gateway, kind)).cause == cause
