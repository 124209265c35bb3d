"""What `helm install` says at its end: what to try, and what is missing."""

from collections.abc import Callable

import pytest

from tests.chart.cases import CASES
from tests.chart.rendering import NAMESPACE, HelmEngine, Values, merged, nested


@pytest.fixture(scope="module")
def notes(helm_engine: HelmEngine) -> Callable[[Values], str]:
    """`helm template` does not tell them: the engine does."""
    return lambda values: helm_engine.render(values).notes


def test_the_calls_to_try_name_the_release_and_its_namespace(notes: Callable[[Values], str]) -> None:
    told = notes({})
    assert "grpcurl -cacert ca.crt -cert tls.crt -key tls.key" in told
    assert f"-authority directflow-segments.{NAMESPACE}.svc.cluster.local" in told
    assert f"kubectl -n {NAMESPACE} port-forward deployment/directflow-segments" in told


def test_the_test_is_offered_where_there_is_one(notes: Callable[[Values], str]) -> None:
    assert f"helm test -n {NAMESPACE} directflow" in notes({})
    assert "helm test" not in notes(CASES["own certificates, no test"])


def test_what_is_missing_is_named_by_its_value(notes: Callable[[Values], str]) -> None:
    told = notes({})
    for value in ("database.enabled", "identity.callers.segments", "identity.callers.gateway"):
        assert f"* {value} is" in told
    assert "vault.enabled is false" in notes(CASES["no Vault"])
    assert "networkPolicy.enabled is false" in notes(CASES["no network policies"])


def test_an_address_beyond_the_cluster_that_the_network_leads_nobody_to_is_named(
    notes: Callable[[Values], str],
) -> None:
    beyond = {"vault": {"address": "https://vault.example"}, "telemetry": {"otlpEndpoint": "http://otel.example:4317"}}
    for address, peers in (("vault.address", "vault"), ("telemetry.otlpEndpoint", "collector")):
        told = f"* {address} names nothing in this cluster, and networkPolicy.{peers}.to no ipBlock"
        assert told in notes(beyond)
        assert told not in notes(
            merged(beyond, nested(f"networkPolicy.{peers}.to", [{"ipBlock": {"cidr": "10.0.0.0/8"}}]))
        )
    assert "names nothing" not in notes(
        nested("telemetry.otlpEndpoint", "http://otel.observability.svc.cluster.local:4317")
    )


def test_nothing_is_missing_in_production(notes: Callable[[Values], str]) -> None:
    assert "What is not there" not in notes(CASES["production"])


def test_no_note_holds_what_only_the_gateway_knows(notes: Callable[[Values], str]) -> None:
    told = notes(merged(CASES["database with logins in a Secret"], CASES["Vault's authority in a Secret"]))
    assert [name for name in ("logins-of-directflow", "authority-of-vault", "postgres.example") if name in told] == []
