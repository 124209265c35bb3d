"""mTLS: certificates that hold the names under which services are called and known, from cert-manager or your own."""

from collections.abc import Callable

import pytest

from tests.chart.cases import CASES
from tests.chart.rendering import COMPONENTS, NAMESPACE, Manifests, Values, merged, nested


def tls_secret(pod: dict) -> str:  # type: ignore[type-arg]
    (name,) = (volume["secret"]["secretName"] for volume in pod["volumes"] if volume["name"] == "tls")
    return str(name)


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_service_proves_every_name_that_it_is_called_by(
    render: Callable[[Values], Manifests], component: str
) -> None:
    values = {"clusterDomain": "cluster.example", "identity": {"trustDomain": "trust.example"}}
    spec = render(values).one("Certificate", component)["spec"]
    name = f"directflow-{component}"
    short = [name, f"{name}.{NAMESPACE}", f"{name}.{NAMESPACE}.svc"]
    assert spec["dnsNames"] == [*short, f"{name}.{NAMESPACE}.svc.cluster.example"]
    assert spec["uris"] == [f"spiffe://trust.example/ns/{NAMESPACE}/sa/{name}"]
    assert {*spec["usages"]} == {"digital signature", "server auth", "client auth"}


def test_the_test_client_is_a_client_and_nothing_else(defaults: Manifests) -> None:
    spec = defaults.one("Certificate", "test")["spec"]
    assert {*spec["usages"]} == {"digital signature", "client auth"}
    assert "dnsNames" not in spec


def test_cert_manager_is_told_what_to_write_where(render: Callable[[Values], Manifests]) -> None:
    issuer = {"name": "internal", "kind": "ClusterIssuer", "group": "example.io"}
    told = {"issuerRef": issuer, "duration": "48h", "renewBefore": "16h"}
    manifests = render(nested("tls.certManager", told))
    for component in (*COMPONENTS, "test"):
        one = manifests.one("Certificate", component)
        assert one["apiVersion"] == "cert-manager.io/v1"
        assert one["spec"].keys() - {"dnsNames"} == {
            *("secretName", "duration", "renewBefore", "privateKey", "uris", "usages", "issuerRef")
        }
        assert one["spec"].items() >= told.items()
        assert one["spec"]["privateKey"] == {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"}


def test_every_pod_has_the_certificate_that_is_written_for_it(defaults: Manifests) -> None:
    pods = {name: tls_secret(pod) for name, pod in defaults.pods()}
    assert pods == {name: one["spec"]["secretName"] for name, one in defaults.of("Certificate").items()}


def test_every_pod_has_the_certificate_of_your_own(rendered: Callable[[str], Manifests]) -> None:
    manifests = rendered("own certificates")
    assert not manifests.of("Certificate")
    assert {name: tls_secret(pod) for name, pod in manifests.pods()} == {
        f"directflow-{component}": f"{component}-certificate" for component in (*COMPONENTS, "test")
    }


def test_services_are_known_by_the_names_of_your_own_certificates(rendered: Callable[[str], Manifests]) -> None:
    callers = rendered("own certificates").settings("gateway")["identity"]["callers"]
    assert {caller["name"]: caller["peers"] for caller in callers} == {
        one: [f"{one}.certificates.example"] for one in ("segments", "conditions")
    }
    for component in ("segments", "conditions"):
        (test,) = rendered("own certificates").settings(component)["identity"]["callers"]
        assert test["peers"] == ["test.certificates.example"]


def test_without_a_certificate_for_it_there_is_no_test_and_nobody_who_may_call_as_it(
    rendered: Callable[[str], Manifests],
) -> None:
    manifests = rendered("own certificates, no test")
    assert not manifests.of("Pod")
    assert [one for one in manifests.objects if one["metadata"]["name"] == "directflow-test"] == []
    assert manifests.settings("segments")["identity"].get("callers", []) == []


def test_the_test_calls_all_that_it_names_with_its_certificate(render: Callable[[Values], Manifests]) -> None:
    (pod,) = render(merged(CASES["production"], nested("test.workspace", "acme"))).of("Pod").values()
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    (container,) = pod["spec"]["containers"]
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    assert variables["DIRECTFLOW_WORKSPACE"] == "acme"
    assert variables["DIRECTFLOW_TLS_DIRECTORY"] in [mount["mountPath"] for mount in container["volumeMounts"]]
    for component in ("segments", "conditions"):
        assert (
            variables[f"DIRECTFLOW_{component.upper()}"] == f"directflow-{component}.{NAMESPACE}.svc.cluster.local:7400"
        )


def test_the_test_runs_the_image_that_is_tested(case: Manifests) -> None:
    images = {container["image"] for _, pod in case.pods() for container in pod["containers"]}
    assert len(images) == 1


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ({"repository": "registry.example/a"}, "registry.example/a:0.1.0"),
        ({"repository": "registry.example/a", "tag": "2.0"}, "registry.example/a:2.0"),
        (
            {"repository": "registry.example/a", "tag": "2.0", "digest": f"sha256:{'a' * 64}"},
            f"registry.example/a@sha256:{'a' * 64}",
        ),
    ],
)
def test_the_image_is_named_by_its_digest_else_its_tag_else_the_version_of_the_chart(
    render: Callable[[Values], Manifests], image: Values, name: str
) -> None:
    assert render({"image": image}).spec("segments")["containers"][0]["image"] == name
