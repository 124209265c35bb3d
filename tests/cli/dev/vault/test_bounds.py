"""The stand-in is bounded, keeps its secrets to itself, and leaves nothing behind."""

import http.client
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.vault import StandInVault, http_server, leases, tokens
from directflow_cli.dev.vault.policies import in_json
from directflow_cli.dev.vault.refusal import Refused

CALL_S = 10.0


@pytest.fixture
def vault() -> Iterator[StandInVault]:
    with StandInVault() as server:
        yield server


def place(vault: StandInVault) -> tuple[str, int]:
    parts = urlsplit(vault.address)
    return parts.hostname or "", parts.port or 0


def post(vault: StandInVault, path: str, body: bytes, **headers: str) -> int:
    connection = http.client.HTTPConnection(*place(vault), timeout=CALL_S)
    try:
        connection.request("POST", f"/v1/{path}", body, {"X-Vault-Token": vault.root_token, **headers})
        return connection.getresponse().status
    finally:
        connection.close()


class TestBounds:
    def test_a_body_that_is_too_large_is_413_before_it_is_read(self, vault: StandInVault) -> None:
        with socket.create_connection(place(vault), CALL_S) as client:
            client.sendall(b"POST /v1/sys/unseal HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000000\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 413")

    @pytest.mark.parametrize("body", [b"[]", b"no json", b'"text"', b"{"])
    def test_a_body_that_is_no_json_object_is_400(self, vault: StandInVault, body: bytes) -> None:
        assert post(vault, "auth/token/create", body) == 400

    def test_tokens_are_counted(self, vault: StandInVault, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tokens, "MOST_TOKENS", 3)
        statuses = [post(vault, "auth/token/create", b'{"ttl": "60s"}') for _ in range(4)]
        assert statuses == [200, 200, 429, 429]

    def test_leases_are_counted_and_the_role_of_the_one_too_many_is_dropped(
        self, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(leases, "MOST_LEASES", 1)
        with StandInVault(postgres.installation.program("psql")) as vault:
            with_database(vault, postgres)
            made = vault.read("database/creds/reader")["username"]
            with pytest.raises(Refused) as refused:
                vault.read("database/creds/reader")
            assert refused.value.status == 429
            assert roles(postgres) == {made}

    def test_connections_beyond_the_most_are_closed(self, vault: StandInVault, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_server, "MOST_CONNECTIONS", 1)
        with socket.create_connection(place(vault), CALL_S) as first:
            first.sendall(b"GET /v1/sys/health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert first.recv(100).startswith(b"HTTP/1.1 200")
            with socket.create_connection(place(vault), CALL_S) as second:
                assert second.recv(100) == b""


class TestSecrets:
    def test_none_is_in_a_repr(self, vault: StandInVault) -> None:
        core = vault._core
        token, _ = core.tokens.create(tokens.Grant("auth/token/create", "token", ("default",)))
        told = repr([vault, token, core.tokens.root])
        for secret in (vault.root_token, vault.unseal_key, token.id, token.accessor):
            assert secret not in told

    def test_none_is_on_a_terminal_or_in_an_error(
        self, postgres: PostgresServer, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with StandInVault(postgres.installation.program("psql")) as vault:
            with_database(vault, postgres, "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' NONSENSE")
            with pytest.raises(Refused) as refused:
                vault.read("database/creds/reader")
        assert "42601" in str(refused.value)
        assert "PASSWORD" not in str(refused.value)
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("key", ["creation_statements", "revocation_statements"])
    def test_a_statement_cannot_run_a_program(self, postgres: PostgresServer, key: str) -> None:
        with StandInVault(postgres.installation.program("psql")) as vault:
            with_database(vault, postgres)
            role = {"db_name": "customer", "creation_statements": ["SELECT 1"], key: ["SELECT 1\n\\! false"]}
            with pytest.raises(Refused, match="backslash"):
                vault.write("database/roles/reader", role)


class TestItsEnd:
    def test_the_roles_that_it_made_are_dropped(self, postgres: PostgresServer) -> None:
        with StandInVault(postgres.installation.program("psql")) as vault:
            with_database(vault, postgres)
            made = vault.read("database/creds/reader")["username"]
            assert made in roles(postgres)
        assert made not in roles(postgres)

    def test_it_leaves_no_thread_and_no_port(self) -> None:
        before = set(threading.enumerate())
        with StandInVault() as vault, socket.create_connection(place(vault), CALL_S) as client:
            client.sendall(b"GET /v1/sys/health HTTP/1.1\r\nHost: x\r\n\r\n")
            client.recv(100)
            vault.close()
            for thread in set(threading.enumerate()) - before:
                thread.join(CALL_S)
            assert not [thread for thread in set(threading.enumerate()) - before if thread.is_alive()]
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(place(vault), CALL_S)

    def test_a_lease_whose_database_is_gone_holds_nobody_up(self, private_postgres: Any) -> None:
        server = private_postgres()
        vault = StandInVault(server.installation.program("psql"))
        vault.start()
        with_database(vault, server)
        vault.read("database/creds/reader")
        server.stop()
        closing = threading.Thread(target=vault.close, daemon=True)
        closing.start()
        closing.join(CALL_S)
        assert not closing.is_alive()


def test_patterns_of_policies_are_texts_and_no_expressions(vault: StandInVault) -> None:
    vault.write("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    vault.write("secret/data/aXb", {"data": {"x": 1}})
    vault.write("sys/policies/acl/dotted", {"policy": in_json({"secret/data/a.b": ("read",)})})
    made = vault._core.tokens.create(tokens.Grant("auth/token/create", "token", ("dotted",)))[0]
    connection = http.client.HTTPConnection(*place(vault), timeout=CALL_S)
    connection.request("GET", "/v1/secret/data/aXb", headers={"X-Vault-Token": made.id})
    assert connection.getresponse().status == 403
    connection.close()


def with_database(
    vault: StandInVault, postgres: PostgresServer, creation: str = 'CREATE ROLE "{{name}}" LOGIN'
) -> None:
    vault.write("sys/mounts/database", {"type": "database"})
    url = f"postgresql://{{{{username}}}}:{{{{password}}}}@{postgres.host}:{postgres.port}/postgres?sslmode=disable"
    login = {"username": postgres.admin.name, "password": postgres.admin.password, "allowed_roles": "*"}
    config = {"plugin_name": "postgresql-database-plugin", "connection_url": url, **login}
    vault.write("database/config/customer", config)
    role = {"db_name": "customer", "creation_statements": [creation], "default_ttl": "1h"}
    vault.write("database/roles/reader", role)


def roles(postgres: PostgresServer) -> set[str]:
    return set(postgres.psql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-root-reader-%'").split())
