"""Whatever values are given, what comes out is good Kubernetes, and the same from both Helms."""

import pytest
import yaml

from tests.chart.cases import CASES, booleans
from tests.chart.kubernetes_schemas import NEWEST, OF_OPERATORS, OLDEST, NoSchemaError, complaints
from tests.chart.rendering import (
    CHART,
    COMPONENTS,
    NAMESPACE,
    Engine,
    HelmEngine,
    HelmProgram,
    Manifests,
    RenderError,
    Values,
    identity,
    merged,
    nested,
)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_meets_the_schema_of_kubernetes(case: Manifests, version: str) -> None:
    assert [complaint for one in case.objects for complaint in complaints(one, version)] == []


def test_a_field_that_kubernetes_does_not_know_is_complained_about(defaults: Manifests) -> None:
    service = defaults.one("Service", "gateway")
    misspelt = {**service, "spec": {**service["spec"], "clusterIp": "None"}}
    assert "clusterIp" in complaints(misspelt, NEWEST)[0]


def test_a_kind_or_version_without_a_schema_is_an_error_and_not_passed_over() -> None:
    unknown = {"apiVersion": "apps/v1", "kind": "Deploiment", "metadata": {"name": "a"}}
    with pytest.raises(NoSchemaError, match="deploiment-apps-v1"):
        complaints(unknown, NEWEST)
    with pytest.raises(NoSchemaError, match=r"1\.2\.0"):
        complaints({**unknown, "kind": "Deployment"}, "1.2.0")


def test_kinds_of_operators_appear_only_where_they_were_asked_for(case: Manifests) -> None:
    used = {(one["apiVersion"], one["kind"]) for one in case.objects}
    without_schema = {kind for kind in used if "." in kind[0] and not kind[0].split("/")[0].endswith("k8s.io")}
    assert without_schema <= OF_OPERATORS | {("policy/v1", "PodDisruptionBudget")}


def test_both_helms_render_the_same_objects(helm_program: HelmProgram, helm_engine: HelmEngine) -> None:
    for name in ("defaults", "production", "watched", "settings", "own certificates, no test"):
        ours, theirs = helm_program.render(CASES[name]), helm_engine.render(CASES[name])
        assert ours.objects == theirs.objects, name


@pytest.mark.parametrize("values", ["values.yaml", "values-production.yaml", "values-kind.yaml"])
def test_helm_has_nothing_against_the_chart(helm_program: HelmProgram, values: str) -> None:
    assert helm_program.lint(CHART / values) == (0, "")


def test_every_object_lives_in_the_releases_namespace_under_a_name_of_its_own(case: Manifests) -> None:
    names = [identity(one) for one in case.objects]
    assert len(names) == len({*names})
    assert {one["metadata"]["namespace"] for one in case.objects} == {NAMESPACE}


def test_every_object_says_what_it_belongs_to(case: Manifests) -> None:
    wanted = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/part-of": "directflow"}
    for one in case.objects:
        assert one["metadata"]["labels"].items() >= wanted.items(), identity(one)


def test_every_name_fits_whatever_the_release_is_called(helm: Engine) -> None:
    longest = helm.render(CASES["watched"], release="r" * 41)
    assert max(len(name) for kind in ("Service", "Deployment", "Pod") for name in longest.of(kind)) <= 63
    with pytest.raises(RenderError, match="too long; choose one of at most 41 characters"):
        helm.render({}, release="r" * 42)


@pytest.mark.parametrize("release", ["1", "007", "0x1f", "my.release", "-"])
def test_a_release_whose_name_no_service_may_have_is_refused(helm: Engine, release: str) -> None:
    with pytest.raises(RenderError, match="digits and hyphens that begins with a letter"):
        helm.render({}, release=release)


@pytest.mark.parametrize(("release", "namespace"), [("null", "0123"), ("true", "0x10")])
def test_names_that_yaml_takes_for_something_else_are_names(helm: Engine, release: str, namespace: str) -> None:
    secrets = dict.fromkeys((*COMPONENTS, "test"), "010")
    values: Values = {
        "image": {"repository": "1", "tag": "2", "pullSecrets": ["07"]},
        "tls": {"certManager": {"enabled": False}, "existingSecrets": secrets},
        "vault": {"ca": {"configMap": "123"}},
        "database": {"enabled": True, "host": "db.example", "existingSecret": "456"},
        "gateway": {"priorityClassName": "1.5"},
    }
    watched = merged(merged(CASES["watched"], values), nested("vault.ca", {"configMap": "", "secret": "789"}))
    for given in (merged(CASES["watched"], values), watched, CASES["watched"]):
        manifests = helm.render(given, release=release, namespace=namespace)
        assert {one["metadata"]["namespace"] for one in manifests.objects} == {namespace}
        assert {one["metadata"]["labels"]["app.kubernetes.io/instance"] for one in manifests.objects} == {release}
        assert [complaint for one in manifests.objects for complaint in complaints(one, NEWEST)] == []


def test_two_releases_in_one_namespace_share_no_object(helm: Engine) -> None:
    one, other = (helm.render({}, release=name) for name in ("blue", "green"))
    assert {*map(identity, one.objects)}.isdisjoint(map(identity, other.objects))


def test_every_switch_is_seen_on_and_off() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    seen = [booleans(merged(values, case)) for case in CASES.values()]
    assert {name: {switches[name] for switches in seen} for name in booleans(values)} == {
        name: {True, False} for name in booleans(values)
    }
