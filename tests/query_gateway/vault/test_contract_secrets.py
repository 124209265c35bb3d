"""What the gateway relies on in Vault's secrets engines, said of the real server and of the stand-in."""

import time
from collections.abc import Callable

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role

from . import setups
from .servers import Reply, Vault

SOON_S = 20.0


def logs_in(postgres: PostgresServer, data: dict[str, str]) -> bool:
    try:
        with psycopg.connect(postgres.dsn(role=Role(data["username"], data["password"]))):
            return True
    except psycopg.OperationalError:
        return False


def exists(postgres: PostgresServer, name: str) -> bool:
    return postgres.psql("SELECT count(*) FROM pg_roles WHERE rolname = :'name'", variables={"name": name}) == "1"


def soon(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def lease(vault: Vault, what: str, lease_id: str, **body: object) -> Reply:
    return vault.api("PUT", f"sys/leases/{what}", {"lease_id": lease_id, **body})


class TestKeyValue:
    def test_the_newest_version_is_read_with_its_number(self, vault: Vault) -> None:
        for password in ("one", "two"):
            setups.put_kv(vault, "acme/main", {"username": "app", "password": password})
        body = vault.ok("GET", "secret/data/acme/main")
        assert body["data"]["data"] == {"username": "app", "password": "two"}
        assert body["data"]["metadata"]["version"] == 2
        assert (body["lease_id"], body["lease_duration"], body["renewable"], body["auth"]) == ("", 0, False, None)

    def test_an_old_version_is_read_by_its_number(self, vault: Vault) -> None:
        for password in ("one", "two"):
            setups.put_kv(vault, "acme/main", {"password": password})
        assert vault.ok("GET", "secret/data/acme/main?version=1")["data"]["data"] == {"password": "one"}

    def test_a_missing_secret_is_404_without_a_word(self, vault: Vault) -> None:
        setups.put_kv(vault, "acme/main", {"password": "one"})
        reply = vault.api("GET", "secret/data/acme/other")
        assert (reply.status, reply.body) == (404, {"errors": []})

    def test_a_deleted_secret_is_404_with_data_that_has_none(self, vault: Vault) -> None:
        setups.put_kv(vault, "acme/main", {"password": "one"})
        vault.ok("DELETE", "secret/data/acme/main")
        reply = vault.api("GET", "secret/data/acme/main")
        assert (reply.status, reply.data["data"]) == (404, None)
        assert reply.data["metadata"]["deletion_time"]


class TestDynamicRoles:
    @pytest.fixture(autouse=True)
    def _role(self, vault: Vault, postgres: PostgresServer) -> None:
        setups.database(vault, postgres)
        setups.dynamic_role(vault, "reader", default_ttl="30s", max_ttl="60s")

    def test_each_read_makes_a_postgresql_role_with_a_lease(self, vault: Vault, postgres: PostgresServer) -> None:
        one, two = (vault.ok("GET", "database/creds/reader") for _ in range(2))
        assert one["data"]["username"] != two["data"]["username"]
        assert one["lease_id"].startswith("database/creds/reader/")
        assert (one["lease_duration"], one["renewable"], sorted(one["data"])) == (30, True, ["password", "username"])
        assert logs_in(postgres, one["data"])

    def test_a_renewal_lengthens_the_lease_up_to_the_roles_maximum(
        self, vault: Vault, postgres: PostgresServer
    ) -> None:
        made = vault.ok("GET", "database/creds/reader")
        plain = lease(vault, "renew", made["lease_id"])
        longer = lease(vault, "renew", made["lease_id"], increment=40)
        cut = lease(vault, "renew", made["lease_id"], increment=4000)
        assert [plain.body["lease_duration"], longer.body["lease_duration"]] == [30, 40]
        assert 50 <= cut.body["lease_duration"] <= 60
        assert (cut.body["lease_id"], cut.body["renewable"], cut.body["data"]) == (made["lease_id"], True, None)

    def test_a_renewal_lengthens_the_postgresql_roles_life_too(self, vault: Vault, postgres: PostgresServer) -> None:
        made = vault.ok("GET", "database/creds/reader")
        valid_until = "SELECT rolvaliduntil FROM pg_roles WHERE rolname = :'name'"
        before = postgres.psql(valid_until, variables={"name": made["data"]["username"]})
        lease(vault, "renew", made["lease_id"], increment=55)
        assert postgres.psql(valid_until, variables={"name": made["data"]["username"]}) > before

    def test_a_revoked_lease_takes_the_role_along_and_cannot_be_renewed(
        self, vault: Vault, postgres: PostgresServer
    ) -> None:
        made = vault.ok("GET", "database/creds/reader")
        assert lease(vault, "revoke", made["lease_id"]).status == 204
        soon(lambda: not exists(postgres, made["data"]["username"]))
        reply = lease(vault, "renew", made["lease_id"])
        assert (reply.status, reply.errors) == (400, ["lease not found"])

    def test_a_lease_that_never_was_is_400(self, vault: Vault) -> None:
        assert lease(vault, "renew", "database/creds/reader/never").status == 400

    def test_a_lease_that_ends_takes_the_role_along(self, vault: Vault, postgres: PostgresServer) -> None:
        setups.dynamic_role(vault, "brief", default_ttl="1s", max_ttl="1s")
        made = vault.ok("GET", "database/creds/brief")
        soon(lambda: not exists(postgres, made["data"]["username"]))
        assert lease(vault, "renew", made["lease_id"]).status == 400

    def test_a_lease_dies_with_its_token(self, vault: Vault, postgres: PostgresServer) -> None:
        token = setups.token(vault, setups.gateway_policy(vault))
        made = vault.ok("GET", "database/creds/reader", token=token)
        vault.ok("POST", "auth/token/revoke-self", {}, token=token)
        soon(lambda: not exists(postgres, made["data"]["username"]))

    def test_a_lease_dies_with_a_token_whose_time_is_over(self, vault: Vault, postgres: PostgresServer) -> None:
        token = setups.token(vault, setups.gateway_policy(vault), ttl="2s")
        made = vault.ok("GET", "database/creds/reader", token=token)
        soon(lambda: not exists(postgres, made["data"]["username"]))

    def test_a_token_renews_its_own_lease_with_no_policy_of_its_own(self, vault: Vault) -> None:
        token = setups.token(vault, setups.gateway_policy(vault))
        made = vault.ok("GET", "database/creds/reader", token=token)
        body = {"lease_id": made["lease_id"]}
        assert vault.api("PUT", "sys/leases/renew", body, token=token).status == 200

    def test_leases_live_on_when_the_server_is_sealed_and_end_by_their_time(
        self, vault: Vault, postgres: PostgresServer
    ) -> None:
        setups.dynamic_role(vault, "brief", default_ttl="2s", max_ttl="2s")
        made = vault.ok("GET", "database/creds/brief")
        vault.seal()
        time.sleep(2.5)  # longer than the lease: nobody ends it meanwhile
        assert exists(postgres, made["data"]["username"])
        vault.unseal()
        soon(lambda: not exists(postgres, made["data"]["username"]))

    def test_an_unknown_role_is_an_error_without_data(self, vault: Vault) -> None:
        reply = vault.api("GET", "database/creds/nobody")
        assert (reply.status, reply.body.get("data")) == (400, None)

    def test_statements_that_postgresql_does_not_take_are_500(self, vault: Vault) -> None:
        setups.dynamic_role(vault, "broken", grants=['GRANT no_such_role TO "{{name}}"'])
        assert vault.api("GET", "database/creds/broken").status == 500


class TestStaticRoles:
    @pytest.fixture
    def role(self, vault: Vault, postgres: PostgresServer) -> Role:
        made = postgres.create_role()
        setups.database(vault, postgres)
        setups.static_role(vault, "batch", made)
        return made

    def test_the_password_belongs_to_vault_from_now_on(
        self, vault: Vault, postgres: PostgresServer, role: Role
    ) -> None:
        body = vault.ok("GET", "database/static-creds/batch")
        assert (body["lease_id"], body["renewable"]) == ("", False)
        told = body["data"]
        assert sorted(told) == ["last_vault_rotation", "password", "rotation_period", "ttl", "username"]
        assert (told["username"], told["rotation_period"]) == (role.name, 3600)
        assert 3590 <= told["ttl"] <= 3600
        assert logs_in(postgres, told)
        assert not logs_in(postgres, {"username": role.name, "password": role.password})

    def test_a_rotation_changes_the_real_password(self, vault: Vault, postgres: PostgresServer, role: Role) -> None:
        before = vault.ok("GET", "database/static-creds/batch")["data"]
        setups.rotate(vault, "batch")
        after = vault.ok("GET", "database/static-creds/batch")["data"]
        assert logs_in(postgres, after)
        assert not logs_in(postgres, before)

    def test_a_password_rotates_by_its_period(self, vault: Vault, postgres: PostgresServer, role: Role) -> None:
        setups.static_role(vault, "brief", postgres.create_role(), rotation_period="5s")
        before = vault.ok("GET", "database/static-creds/brief")["data"]
        soon(lambda: vault.ok("GET", "database/static-creds/brief")["data"]["password"] != before["password"])
        assert logs_in(postgres, vault.ok("GET", "database/static-creds/brief")["data"])

    def test_an_unknown_role_is_400(self, vault: Vault, role: Role) -> None:
        assert vault.api("GET", "database/static-creds/nobody").status == 400
