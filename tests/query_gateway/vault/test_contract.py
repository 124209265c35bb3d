"""What the gateway relies on in any Vault server, said of the real one and of the stand-in: states, errors, tokens."""

import socket
import ssl
import time
from urllib.parse import urlsplit

import pytest

from . import setups
from .servers import Reply, Vault

SOON_S = 15.0


def kept(vault: Vault) -> str:
    """A secret that a token with the policy `gateway` may read; its path."""
    setups.put_kv(vault, "acme/main", {"password": "one"})
    setups.gateway_policy(vault)
    return "secret/data/acme/main"


def renewed(vault: Vault, token: str, **body: object) -> Reply:
    return vault.api("POST", "auth/token/renew-self", body, token=token)


class TestTheServersState:
    def test_an_unsealed_server_is_healthy_and_says_its_version(self, vault: Vault) -> None:
        reply = vault.api("GET", "sys/health", token="")
        assert (reply.status, reply.body["sealed"], reply.body["version"]) == (200, False, "1.13.2")

    def test_a_sealed_server_answers_503_to_everything_but_its_state(self, vault: Vault) -> None:
        path = kept(vault)
        login = setups.approle(vault, "gateway")
        vault.seal()
        read = vault.api("GET", path)
        logged_in = vault.api("POST", "auth/approle/login", vars(login), token="")
        health, status = vault.api("GET", "sys/health", token=""), vault.api("GET", "sys/seal-status", token="")
        assert [(each.status, each.errors) for each in (read, logged_in)] == [(503, ["Vault is sealed"])] * 2
        assert (health.status, health.body["sealed"]) == (503, True)
        assert (status.status, status.body["sealed"]) == (200, True)
        vault.unseal()
        assert vault.api("GET", path).status == 200

    def test_another_key_does_not_unseal_it(self, vault: Vault) -> None:
        vault.seal()
        refused = vault.api("PUT", "sys/unseal", {"key": "00" * 33}, token="")
        assert refused.status == 400
        assert vault.api("GET", "sys/health", token="").body["sealed"]

    def test_a_stopped_server_is_away_and_a_started_one_has_its_data(self, vault: Vault) -> None:
        path = kept(vault)
        token = setups.token(vault, "gateway")
        vault.stop()
        with pytest.raises(OSError, match="refused"):
            vault.api("GET", path, token=token)
        vault.start()
        assert vault.ok("GET", path, token=token)["data"]["data"] == {"password": "one"}

    def test_it_speaks_tls_with_a_certificate_from_a_file(self, encrypted_vault: Vault) -> None:
        assert encrypted_vault.address.startswith("https://")
        assert encrypted_vault.api("GET", kept(encrypted_vault)).status == 200
        trusting_nobody = ssl.create_default_context()
        place = urlsplit(encrypted_vault.address)
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            socket.create_connection((place.hostname or "", place.port or 0), SOON_S) as plain,
        ):
            trusting_nobody.wrap_socket(plain, server_hostname=place.hostname)


class TestWhoIsLetIn:
    @pytest.mark.parametrize("token", ["", "hvs.nobody", "nobody"], ids=["none", "unknown", "no-token-at-all"])
    def test_without_a_valid_token_everything_is_403(self, vault: Vault, token: str) -> None:
        reply = vault.api("GET", kept(vault), token=token)
        assert (reply.status, reply.errors) == (403, ["permission denied"])

    def test_a_token_does_what_its_policies_grant_and_nothing_else(self, vault: Vault) -> None:
        path = kept(vault)
        token = setups.token(vault, "gateway")
        assert vault.api("GET", path, token=token).status == 200
        refused = [
            vault.api("POST", path, {"data": {}}, token=token),
            vault.api("DELETE", path, token=token),
            vault.api("GET", "secret/metadata/acme/main", token=token),
            vault.api("GET", "sys/mounts", token=token),
            vault.api("PUT", "sys/seal", token=token),
        ]
        assert {each.status for each in refused} == {403}
        assert all("permission denied" in each.errors[0] for each in refused)

    def test_a_plus_is_one_part_of_a_path_and_the_more_precise_pattern_decides(self, vault: Vault) -> None:
        for path in ("a/x", "a/y", "a/b/x", "c/x"):
            setups.put_kv(vault, path, {"at": path})
        rules = {"secret/data/+/x": ["read"], "secret/data/a/*": ["deny"], "secret/data/a/y": ["read"]}
        setups.policy(vault, "patterns", rules)
        token = setups.token(vault, "patterns")
        read = {path: vault.api("GET", f"secret/data/{path}", token=token).status for path in ("a/x", "a/y", "a/b/x")}
        assert read == {"a/x": 403, "a/y": 200, "a/b/x": 403}
        assert vault.api("GET", "secret/data/c/x", token=token).status == 200

    def test_a_path_that_nothing_serves_is_404_with_a_token_and_403_without(self, vault: Vault) -> None:
        assert vault.api("GET", "nowhere/at/all").status == 404
        assert vault.api("GET", "nowhere/at/all", token="").status == 403

    def test_the_open_source_server_takes_the_namespace_header_and_has_one_namespace(self, vault: Vault) -> None:
        path = kept(vault)
        assert vault.api("GET", path, headers={"X-Vault-Namespace": "team"}).status == 200


class TestTokens:
    def test_a_token_tells_about_itself(self, vault: Vault) -> None:
        setups.gateway_policy(vault)
        token = setups.token(vault, "gateway", ttl="60s", explicit_max_ttl="5m")
        told = vault.ok("GET", "auth/token/lookup-self", token=token)["data"]
        assert 55 <= told["ttl"] <= 60
        assert {name: told[name] for name in ("renewable", "explicit_max_ttl", "creation_ttl", "type", "policies")} == {
            "renewable": True,
            "explicit_max_ttl": 300,
            "creation_ttl": 60,
            "type": "service",
            "policies": ["default", "gateway"],
        }

    def test_a_renewal_starts_its_time_anew(self, vault: Vault) -> None:
        reply = renewed(vault, setups.token(vault, ttl="60s"), increment="100s")
        assert (reply.status, reply.body["auth"]["lease_duration"], reply.body["auth"]["renewable"]) == (200, 100, True)

    def test_the_maximum_cuts_a_renewal_short(self, vault: Vault) -> None:
        auth = renewed(vault, setups.token(vault, ttl="60s", explicit_max_ttl="90s"), increment="200s").body["auth"]
        assert 85 <= auth["lease_duration"] <= 90

    def test_a_periodic_token_is_renewed_for_its_period_whatever_was_asked(self, vault: Vault) -> None:
        auth = renewed(vault, setups.token(vault, period="50s"), increment="200s").body["auth"]
        assert auth["lease_duration"] == 50

    def test_a_token_that_is_not_renewable_says_so(self, vault: Vault) -> None:
        token = setups.token(vault, ttl="60s", renewable=False)
        assert not vault.ok("GET", "auth/token/lookup-self", token=token)["data"]["renewable"]
        assert renewed(vault, token).status == 400

    def test_a_batch_token_is_neither_renewed_nor_revoked(self, vault: Vault) -> None:
        token = setups.token(vault, "default", ttl="60s", type="batch")
        assert not vault.ok("GET", "auth/token/lookup-self", token=token)["data"]["renewable"]
        assert renewed(vault, token).status == 400
        assert vault.api("POST", "auth/token/revoke-self", {}, token=token).status == 400

    def test_the_root_token_never_ends(self, vault: Vault) -> None:
        told = vault.ok("GET", "auth/token/lookup-self")["data"]
        assert (told["ttl"], told["expire_time"], told.get("renewable", False)) == (0, None, False)
        assert renewed(vault, vault.root_token).status == 400

    def test_a_revoked_token_is_403_and_its_children_are_too(self, vault: Vault) -> None:
        setups.policy(vault, "parent", {"auth/token/create": ["update"]})
        parent = setups.token(vault, "parent")
        child = vault.ok("POST", "auth/token/create", {"ttl": "60s"}, token=parent)["auth"]["client_token"]
        assert vault.api("POST", "auth/token/revoke-self", {}, token=parent).status == 204
        assert vault.api("GET", "auth/token/lookup-self", token=parent).status == 403
        soon_403(vault, child)

    def test_a_token_whose_time_is_over_is_403(self, vault: Vault) -> None:
        soon_403(vault, setups.token(vault, ttl="1s"))


def soon_403(vault: Vault, token: str) -> None:
    deadline = time.monotonic() + SOON_S
    while vault.api("GET", "auth/token/lookup-self", token=token).status != 403:
        assert time.monotonic() < deadline, "the token is still alive"
        time.sleep(0.05)
