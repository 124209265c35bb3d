"""Who may log in to Vault: the gateway's service account, with a token for Vault alone."""

import pytest

from .kubectl import execute
from .release import Release
from .vault import Vault, token_of

TOKEN = "/var/run/secrets/directflow/vault/token"
ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


def test_the_token_in_the_gateways_pod_is_let_in(release: Release, hashicorp: Vault) -> None:
    for pod in release.names("gateway"):
        read = execute(release.namespace, pod, "cat", TOKEN, container="gateway")
        assert read.returncode == 0, read.stderr
        assert hashicorp.refusal(read.stdout.strip()) == ""


@pytest.mark.parametrize("service", ["segments", "conditions"])
def test_the_other_two_service_accounts_are_refused(service: str, release: Release, hashicorp: Vault) -> None:
    refusal = hashicorp.refusal(token_of(release.account(service), release.namespace))
    assert refusal == "service account name not authorized"


@pytest.mark.parametrize("service", ["segments", "conditions"])
def test_the_other_two_pods_hold_no_token_at_all(service: str, release: Release) -> None:
    for pod in release.names(service):
        found = execute(release.namespace, pod, "sh", "-c", f"ls {TOKEN} {ACCOUNT_TOKEN}", container=service)
        assert found.returncode != 0
        assert found.stdout == ""


def test_the_gateways_token_for_another_audience_is_refused(release: Release, hashicorp: Vault) -> None:
    account, namespace = release.account("gateway"), release.namespace
    assert hashicorp.refusal(token_of(account, namespace)) == ""
    assert "audience" in hashicorp.refusal(token_of(account, namespace, "https://kubernetes.default.svc"))


def test_a_service_account_of_another_namespace_is_refused(
    release: Release, hashicorp: Vault, namespaces: dict[str, str]
) -> None:
    assert hashicorp.refusal(token_of("default", namespaces["clients"])) == "namespace not authorized"
