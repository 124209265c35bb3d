"""What the gateway relies on in Vault's login methods, said of the real server and of the stand-in."""

import time
from typing import Any

import pytest

from . import setups
from .identities import Issuer, TokenReviews, changed
from .servers import Reply, Vault

REFUSED = (400, 500)
"""Vault 1.13 answers 500 to a wrong secret id, as if it were broken itself; other versions 400."""
BOUND = {"aud": "vault", "sub": "directflow-gateway"}


def log_in(vault: Vault, method: str, **body: Any) -> Reply:
    return vault.api("POST", f"auth/{method}/login", body, token="")


class TestAppRole:
    def test_a_role_id_and_a_secret_id_give_a_token_of_the_roles_time_and_policies(self, vault: Vault) -> None:
        setups.gateway_policy(vault)
        login = setups.approle(vault, "gateway", token_ttl="60s", token_max_ttl="80s")
        auth = log_in(vault, "approle", **vars(login)).body["auth"]
        told = {name: auth[name] for name in ("lease_duration", "renewable", "token_type", "policies", "orphan")}
        assert told == {
            "lease_duration": 60,
            "renewable": True,
            "token_type": "service",
            "policies": ["default", "gateway"],
            "orphan": True,
        }
        assert vault.api("GET", "auth/token/lookup-self", token=auth["client_token"]).status == 200

    def test_the_roles_maximum_cuts_a_renewal_short(self, vault: Vault) -> None:
        login = setups.approle(vault, token_ttl="60s", token_max_ttl="80s")
        token = log_in(vault, "approle", **vars(login)).body["auth"]["client_token"]
        reply = vault.ok("POST", "auth/token/renew-self", {"increment": "300s"}, token=token)
        assert 75 <= reply["auth"]["lease_duration"] <= 80

    def test_a_role_may_give_batch_tokens(self, vault: Vault) -> None:
        login = setups.approle(vault, token_type="batch", token_ttl="60s")
        auth = log_in(vault, "approle", **vars(login)).body["auth"]
        assert (auth["token_type"], auth["renewable"], auth["lease_duration"]) == ("batch", False, 60)

    @pytest.mark.parametrize("wrong", [{"secret_id": "x"}, {"role_id": "x"}, {"secret_id": ""}, {"role_id": ""}])
    def test_wrong_ids_are_400_or_in_this_version_500(self, vault: Vault, wrong: dict[str, str]) -> None:
        login = setups.approle(vault)
        reply = log_in(vault, "approle", **{**vars(login), **wrong})
        assert reply.status in REFUSED
        assert "auth" not in reply.body

    def test_a_destroyed_secret_id_is_refused(self, vault: Vault) -> None:
        login = setups.approle(vault)
        vault.ok("POST", "auth/approle/role/gateway/secret-id/destroy", {"secret_id": login.secret_id})
        reply = log_in(vault, "approle", **vars(login))
        assert (reply.status in REFUSED, reply.errors) == (True, ["invalid secret id"])

    def test_a_method_that_is_not_there_is_403_like_any_unknown_path(self, vault: Vault) -> None:
        assert log_in(vault, "nowhere", role_id="x").status == 403


class TestJwt:
    def test_a_signed_token_for_this_audience_and_subject_logs_in(self, vault: Vault, issuer: Issuer) -> None:
        setups.jwt_login(vault, issuer, "gateway", token_ttl="60s")
        auth = log_in(vault, "jwt", role="gateway", jwt=issuer.sign(**BOUND)).body["auth"]
        assert (auth["lease_duration"], auth["renewable"], auth["metadata"]["role"]) == (60, True, "gateway")

    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": "another"},
            {"sub": "somebody"},
            {"iss": "https://elsewhere.test"},
            {"exp": int(time.time()) - 3600},
            {"nbf": int(time.time()) + 3600},
        ],
        ids=lambda claims: next(iter(claims)),
    )
    def test_a_claim_that_does_not_fit_is_400(self, vault: Vault, issuer: Issuer, claims: dict[str, Any]) -> None:
        setups.jwt_login(vault, issuer)
        assert log_in(vault, "jwt", role="gateway", jwt=issuer.sign(**{**BOUND, **claims})).status == 400

    def test_changed_claims_under_an_old_signature_are_400(self, vault: Vault, issuer: Issuer) -> None:
        setups.jwt_login(vault, issuer)
        forged = changed(issuer.sign(**{**BOUND, "sub": "somebody"}), **BOUND)
        assert log_in(vault, "jwt", role="gateway", jwt=forged).status == 400

    @pytest.mark.parametrize("algorithm", ["none", "HS256"])
    def test_a_token_does_not_choose_how_it_is_verified(self, vault: Vault, issuer: Issuer, algorithm: str) -> None:
        setups.jwt_login(vault, issuer)
        assert log_in(vault, "jwt", role="gateway", jwt=issuer.sign(algorithm=algorithm, **BOUND)).status == 400

    @pytest.mark.parametrize("jwt", ["", "nonsense", "a.b.c"])
    def test_what_is_no_token_is_400(self, vault: Vault, issuer: Issuer, jwt: str) -> None:
        setups.jwt_login(vault, issuer)
        assert log_in(vault, "jwt", role="gateway", jwt=jwt).status == 400

    def test_an_unknown_role_is_400(self, vault: Vault, issuer: Issuer) -> None:
        setups.jwt_login(vault, issuer)
        assert log_in(vault, "jwt", role="somebody", jwt=issuer.sign(**BOUND)).status == 400


class TestKubernetes:
    def test_a_token_that_the_api_server_knows_logs_in(self, vault: Vault, token_reviews: TokenReviews) -> None:
        setups.kubernetes_login(vault, token_reviews, "gateway", token_ttl="60s")
        auth = log_in(vault, "kubernetes", role="gateway", jwt=token_reviews.issue()).body["auth"]
        assert (auth["lease_duration"], auth["renewable"], auth["metadata"]["role"]) == (60, True, "gateway")
        assert auth["metadata"]["service_account_namespace"] == "directflow"
        assert token_reviews.reviewed == 1

    @pytest.mark.parametrize(
        "other",
        [{"audience": "another"}, {"service_account": "somebody"}, {"namespace": "elsewhere"}, {"lives_s": -3600}],
        ids=lambda other: next(iter(other)),
    )
    def test_another_ones_token_is_403(self, vault: Vault, token_reviews: TokenReviews, other: dict[str, Any]) -> None:
        setups.kubernetes_login(vault, token_reviews)
        assert log_in(vault, "kubernetes", role="gateway", jwt=token_reviews.issue(**other)).status == 403

    def test_a_token_of_a_pod_that_is_gone_is_403(self, vault: Vault, token_reviews: TokenReviews) -> None:
        setups.kubernetes_login(vault, token_reviews)
        token = token_reviews.issue()
        token_reviews.forget(token)
        assert log_in(vault, "kubernetes", role="gateway", jwt=token).status == 403

    def test_an_unknown_role_is_400(self, vault: Vault, token_reviews: TokenReviews) -> None:
        setups.kubernetes_login(vault, token_reviews)
        assert log_in(vault, "kubernetes", role="somebody", jwt=token_reviews.issue()).status == 400
