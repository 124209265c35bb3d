"""Every pod meets the Pod Security Standard "restricted", and a little more."""

from tests.chart.rendering import Manifests

ALLOWED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def test_no_pod_shares_anything_of_the_node(case: Manifests) -> None:
    for name, pod in case.pods():
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & pod.keys(), name
        assert not {"initContainers", "ephemeralContainers"} & pod.keys(), f"{name}: judged by nobody here"
        for container in pod["containers"]:
            assert all("hostPort" not in port for port in container.get("ports", [])), name


def test_every_pod_runs_as_a_user_who_is_not_root_under_the_default_seccomp_profile(case: Manifests) -> None:
    for name, pod in case.pods():
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] == 10001, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert "sysctls" not in context, name


def test_no_container_can_gain_privileges_or_write_to_its_image(case: Manifests) -> None:
    for name, pod in case.pods():
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


def test_every_volume_is_of_an_allowed_sort(case: Manifests) -> None:
    for name, pod in case.pods():
        for volume in pod["volumes"]:
            assert volume.keys() - {"name"} <= ALLOWED_VOLUMES, name


def test_what_a_container_may_write_to_is_bounded(case: Manifests) -> None:
    for name, pod in case.pods():
        for volume in pod["volumes"]:
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"], name


def test_every_mount_has_its_volume_and_every_volume_its_mount(case: Manifests) -> None:
    for name, pod in case.pods():
        mounts = [mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]]
        assert sorted(mounts) == sorted(volume["name"] for volume in pod["volumes"]), name


def test_no_pod_has_a_token_for_the_kubernetes_api(case: Manifests) -> None:
    for name, pod in case.pods():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, f"{name}: variables of every Service of the namespace"
    for name, account in case.of("ServiceAccount").items():
        assert account["automountServiceAccountToken"] is False, name


def test_every_pod_has_a_service_account_of_its_own(case: Manifests) -> None:
    accounts = [pod["serviceAccountName"] for _, pod in case.pods()]
    assert sorted(accounts) == sorted(case.of("ServiceAccount"))


def test_nobody_is_given_a_right_at_the_kubernetes_api(case: Manifests) -> None:
    assert not [one for one in case.objects if "rbac" in one["apiVersion"]]


def test_every_container_says_what_it_needs_and_has_a_limit_of_memory(case: Manifests) -> None:
    for name, pod in case.pods():
        for container in pod["containers"]:
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
            assert "memory" in container["resources"]["limits"], name
