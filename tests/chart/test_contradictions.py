"""Values that contradict each other are refused before anything is installed, each with what to change."""

import re

import pytest

from tests.chart.cases import (
    DATABASE_OF_FILES,
    DATABASE_OF_VAULT,
    DATABASE_OF_VAULTS_ROLES,
    OWN_CERTIFICATES,
    SOMEBODY,
)
from tests.chart.rendering import CHART, NAMESPACE, Engine, RenderError, Values, merged, nested

GIB = 1 << 30
CONNECTION = {"workspace": "acme", "id": "crm", "host": "db.acme.example", "database": "crm"}
SEGMENTS = f"spiffe://cluster.local/ns/{NAMESPACE}/sa/directflow-segments"
X = [{"name": "a", "peers": ["x.example"]}, {"name": "b", "peers": ["X.Example"]}]
SOURCE = {
    "name": "workspaces/acme/dataSources/people",
    "connection": "workspaces/acme/connections/crm",
    "generator_sql": "SELECT id AS profile_id FROM people WHERE age > '<%= age %>'",
}
NUMBER = {"name": "age", "kind": "integer"}
CONTRADICTIONS: dict[str, tuple[Values, str]] = {
    "certificates of both kinds": (
        nested("tls.existingSecrets.gateway", "gateway-certificate"),
        "tls.existingSecrets.gateway would not be used, since tls.certManager.enabled is true; set one of them",
    ),
    "certificates of no kind": (
        nested("tls.certManager.enabled", False),
        "tls.existingSecrets.segments is empty, and tls.certManager.enabled is false; name a Secret with tls.crt, "
        "tls.key and ca.crt, or let cert-manager write it",
    ),
    "certificates that are renewed all the time": (
        nested("tls.certManager", {"duration": "8h", "renewBefore": "8h"}),
        "tls.certManager.renewBefore (8h) is not below the duration (8h), and the certificates would be renewed all "
        "the time; lower it to a third of the duration",
    ),
    "a name that cert-manager does not write": (
        nested("identity.peers.segments", "segments.example"),
        "identity.peers.segments is for certificates of your own, and tls.certManager.enabled writes its own names "
        "into them; leave it empty",
    ),
    "a caller that the chart has": (
        nested("identity.callers.gateway", [{**SOMEBODY, "name": "conditions"}]),
        'identity.callers.gateway has a caller "conditions", which the chart adds itself; give yours another name',
    ),
    "the test's own name": (
        nested("identity.callers.segments", [{**SOMEBODY, "name": "helm-test"}]),
        'identity.callers.segments has a caller "helm-test", which the chart adds itself; give yours another name',
    ),
    "two callers of one name": (
        nested("identity.callers.segments", [SOMEBODY, {**SOMEBODY, "peers": ["other.example"]}]),
        'identity.callers.segments has two callers "flows"; give one another name, or make them one',
    ),
    "a certificate of two callers": (
        nested("identity.callers.segments", X),
        'identity.callers.segments: a certificate of X.Example would be both "a" and "b"; name it in one of them',
    ),
    "a caller whom no certificate proves": (
        nested("identity.callers.conditions", [{**SOMEBODY, "name": "development"}]),
        'identity.callers.conditions has a caller "development" with peers, and that name is for whoever calls in '
        "plaintext on loopback; give it another name",
    ),
    "a certificate of a caller and the chart's own": (
        nested("identity.callers.gateway", [{"name": "a", "peers": [SEGMENTS]}]),
        f"identity.callers.gateway: a certificate of {SEGMENTS} would be "
        'both "segments" and "a"; name it in one of them',
    ),
    "fewest pods above the most": (
        nested("conditions.autoscaling", {"minReplicas": 7, "maxReplicas": 6}),
        "conditions.autoscaling.minReplicas (7) is above maxReplicas (6); raise maxReplicas",
    ),
    "pods that stop before their clients have left": (
        nested("rollout.maxConnectionAgeSeconds", 120),
        "rollout.preStopSeconds (75) is below 140, which is what clients need to leave a pod with "
        "rollout.maxConnectionAgeSeconds (120), so that calls would be lost when it stops; raise preStopSeconds to "
        "140, or lower maxConnectionAgeSeconds",
    ),
    "a stream longer than the gateway lets it be": (
        nested("segments.drain.longestStreamSeconds", 7200),
        "gateway.drain.longestStreamSeconds (1800) is below that of segments (7200), whose streams pass through the "
        "gateway and would be cut there; raise the gateway's to 7200",
    ),
    "a number that Helm would change": (
        nested("segments.settings.data_sources", [{**SOURCE, "variables": [{**NUMBER, "default": (1 << 53) + 1}]}]),
        "segments.settings.data_sources[0].variables[0].default is a whole number beyond 9007199254740991, and Helm "
        "would change it; quote it",
    ),
    "a budget below one session for each gateway": (
        nested("pools.sessionsPerDatabase", 7),
        "pools.sessionsPerDatabase (7) leaves less than one session for each of the 8 gateways that may run at the "
        "same time, twice gateway.autoscaling.maxReplicas; raise it to 8 or more, or lower "
        "gateway.autoscaling.maxReplicas to 3",
    ),
    "a budget below one session for each gateway of a fixed number": (
        {"gateway": {"autoscaling": {"enabled": False}, "replicas": 5}, "pools": {"sessionsPerDatabase": 8}},
        "raise it to 10 or more, or lower gateway.replicas to 4",
    ),
    "audiences larger than the memory": (
        nested("segments.audience.memoryBytes", 2 * GIB),
        f"segments.resources.limits.memory (2Gi) has no room for segments.audience.memoryBytes ({2 * GIB}) and 256 MiB "
        f"for all else; raise it to {2 * GIB + GIB // 4} bytes, or lower memoryBytes",
    ),
    "audiences larger than the disk": (
        nested("segments.resources.limits", {"ephemeral-storage": "1Gi"}),
        f"segments.resources.limits.ephemeral-storage (1Gi) has no room for the files of segments.audience.diskBytes "
        f"({8 * GIB}) and 256 MiB for all else, so that the pod would be evicted, and its streams cut; raise it to "
        f"{9 * GIB + 5 * GIB // 16} bytes, or lower diskBytes",
    ),
    "a request above the default's limit": (
        nested("gateway.resources.requests.memory", "4Gi"),
        "gateway.resources.requests.memory (4Gi) is above the limit (1Gi); raise gateway.resources.limits.memory, or "
        "lower the request",
    ),
    "a limit below the default's request": (
        nested("conditions.resources.limits", {"cpu": 0.25}),
        "conditions.resources.requests.cpu (500m) is above the limit (0.25); raise conditions.resources.limits.cpu, or "
        "lower the request",
    ),
    "a share of no request": (
        nested("gateway.resources.requests", None),
        "gateway.autoscaling.enabled is true, and gateway.resources.requests.cpu is not there, of which "
        "targetCPUPercent is a share, so that no pod would ever be added; set it, or autoscaling.enabled to false",
    ),
    "two authorities of Vault": (
        nested("vault.ca", {"configMap": "one", "secret": "other"}),
        "vault.ca.configMap and vault.ca.secret are both set; name the one that holds the authority",
    ),
    "a customer's credential that is in no Vault": (
        merged(
            nested("vault.enabled", False),
            nested("gateway.settings.connections", [{**CONNECTION, "credential_kind": "vault-kv"}]),
        ),
        "gateway.settings.connections: credential_kind vault-kv of crm needs Vault; set vault.enabled to true, or "
        "credential_kind to file",
    ),
    "a customer's credential that is in no file": (
        nested("gateway.settings.connections", [CONNECTION]),
        "gateway.settings.connections: the credential of crm is in a file (credential_kind), and no path is in "
        "gateway.settings.credentials; set it, or name a kind of Vault",
    ),
    "a database nowhere": (
        nested("database", {"enabled": True, "existingSecret": "logins"}),
        "database.host is empty, and database.enabled is true; name the server",
    ),
    "a database without logins": (
        merged(DATABASE_OF_FILES, nested("database.existingSecret", "")),
        "database.existingSecret is empty; name a Secret with owner.json, writer.json and reader.json, or set "
        "database.credentialKind to one of Vault's",
    ),
    "a database with logins in two places": (
        merged(DATABASE_OF_VAULT, nested("database.existingSecret", "logins")),
        "database.existingSecret would not be used with database.credentialKind vault-kv; leave it empty",
    ),
    "a database whose logins are in no Vault": (
        merged(DATABASE_OF_VAULT, nested("vault.enabled", False)),
        "database.credentialKind vault-kv needs Vault; set vault.enabled to true, or credentialKind to file",
    ),
    "a role of Vault's with a slash": (
        merged(DATABASE_OF_VAULT, nested("database", {"credentialKind": "vault-dynamic", "vaultPath": "a/{role}"})),
        "database.vaultPath (a/{role}) is the name of one of Vault's roles with database.credentialKind vault-dynamic, "
        "and those hold no slash; give a name such as directflow-{role}",
    ),
    "logins where a connection could get them": (
        merged(DATABASE_OF_VAULTS_ROLES["vault-dynamic"], nested("database.vaultPath", "directflow_{role}")),
        "database.vaultPath and vaultMount lead to database/creds/directflow_{role}, where a connection's credential "
        "could be looked for (gateway.settings.credentials.vault_dynamic: database/creds/{workspace}_{connection}); "
        "give the database a vaultMount of its own, or a vaultPath that no two names of workspace and connection make "
        "up",
    ),
    "files of logins where a connection could get them": (
        merged(
            DATABASE_OF_FILES,
            nested("gateway.settings.credentials.path", "/var/run/directflow/{workspace}/{connection}.json"),
        ),
        "gateway.settings.credentials.path (/var/run/directflow/{workspace}/{connection}.json) could lead a connection "
        "to DirectFlow's own logins, which are mounted as /var/run/directflow/database/{role}.json; keep connections' "
        "files in another folder",
    ),
    "a watch on nothing": (
        nested("metrics", {"enabled": False, "serviceMonitor": {"enabled": True}}),
        "metrics.serviceMonitor.enabled is true, and there is nothing to scrape; set metrics.enabled to true",
    ),
    "memory that is no quantity": (
        nested("segments.resources.limits.memory", "2 GB"),
        '"2 GB" is no quantity such as 500m, 512Mi or 2Gi',
    ),
}


@pytest.mark.parametrize(("values", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_is_refused_with_what_to_change(helm: Engine, values: Values, message: str) -> None:
    with pytest.raises(RenderError) as refused:
        helm.render(values)
    assert message in str(refused.value)


def test_every_refusal_of_the_chart_is_asked_for_here() -> None:
    told = [message for _, message in CONTRADICTIONS.values()]
    templates = {path.name: path.read_text() for path in (CHART / "templates").glob("_validate*.tpl")}
    template = "".join(templates.values())
    others = {path.name for path in (CHART / "templates").rglob("*") if path.is_file() and "fail (" in path.read_text()}
    assert others - templates.keys() == {"_names.tpl"}, "test_render.py has the one of names"
    refusals = re.findall(r'(?:append \$complaints|fail) \(?(?:printf )?"([^"\\]+)"', template)
    refusals += re.findall(r"^- (.+)$", template, re.MULTILINE)
    assert len(refusals) >= len(template.split("{{- define")) - 1
    for refusal in refusals:
        parts = re.split(r"%[a-z]|{{.*?}}", refusal)
        assert any(all(part in message for part in parts[:2]) for message in told), refusal


def test_all_contradictions_are_told_at_once(each_helm: Engine) -> None:
    several = merged(nested("pools.sessionsPerDatabase", 1), nested("segments.drain.longestStreamSeconds", 7200))
    with pytest.raises(RenderError) as refused:
        each_helm.render(merged(several, OWN_CERTIFICATES | {"vault": {"ca": {"configMap": "a", "secret": "b"}}}))
    told = str(refused.value)
    assert [
        word for word in ("pools.sessionsPerDatabase", "longestStreamSeconds", "vault.ca") if word not in told
    ] == []


def test_an_audience_that_just_fits_is_let_through(helm: Engine) -> None:
    rendered = helm.texts(nested("segments.audience.memoryBytes", 2 * GIB - GIB // 4))
    assert f"memory_bytes = {2 * GIB - GIB // 4}" in rendered


@pytest.mark.parametrize(
    "quantity",
    [
        "2147483648",
        1 << 31,
        "2097152Ki",
        "2048Mi",
        "2.0Gi",
        "2.Gi",
        "2148M",
        "2.2G",
        "22e8",
        ".0022T",
        "2147483648000m",
    ],
)
def test_every_way_to_write_an_amount_of_memory_is_understood(helm: Engine, quantity: str | int) -> None:
    fits = nested("segments.resources.limits.memory", quantity)
    helm.render(merged(fits, nested("segments.audience.memoryBytes", 2 * GIB - GIB // 4)))
    with pytest.raises(RenderError, match="has no room"):
        helm.render(merged(fits, nested("segments.audience.memoryBytes", 2 * GIB)))


def test_a_number_is_told_as_it_was_written(helm: Engine) -> None:
    small = {"limits": {"memory": 1 << 30}, "requests": {"memory": 1 << 29}}
    with pytest.raises(RenderError, match=re.escape("segments.resources.limits.memory (1073741824) has no room")):
        helm.render(nested("segments.resources", small))
    assert helm.render(nested("gateway.resources.limits.memory", 1 << 31)).spec("gateway")["containers"][0][
        "resources"
    ]["limits"] == {"memory": 1 << 31}


@pytest.mark.parametrize(
    "resources", [{"requests": None, "limits": {"cpu": "1"}}, {"requests": {"cpu": 1}, "limits": {"cpu": "1000m"}}]
)
def test_a_limit_is_a_request_and_may_equal_one(helm: Engine, resources: Values) -> None:
    assert helm.render(nested("gateway.resources", resources)).of("HorizontalPodAutoscaler")


def test_without_autoscaling_and_without_files_no_request_and_no_disk_is_needed(helm: Engine) -> None:
    resources = {"requests": None, "limits": {"ephemeral-storage": "1Gi"}}
    own = {"autoscaling": {"enabled": False}, "audience": {"diskBytes": 0}, "resources": resources}
    assert helm.render({"segments": own}).spec("segments")["containers"][0]["resources"].keys() == {"limits"}
    assert helm.render({"segments": {**own, "resources": None}}).spec("segments")["containers"][0]["resources"] == {}


@pytest.mark.parametrize(("age", "least"), [(10, 68), (30, 68), (54, 68), (60, 74), (120, 140)])
def test_a_pod_serves_on_until_clients_have_left_it_with_answers_of_dns_that_are_30_s_old(
    helm: Engine, age: int, least: int
) -> None:
    """Two looks at DNS are 30 s apart, the first one may have been told of the pod 30 s after it went."""
    rollout = {"maxConnectionAgeSeconds": age}
    assert helm.texts(nested("rollout", {**rollout, "preStopSeconds": least}))
    with pytest.raises(RenderError, match=rf"preStopSeconds \({least - 1}\) is below {least}"):
        helm.render(nested("rollout", {**rollout, "preStopSeconds": least - 1}))


@pytest.mark.parametrize("number", [(1 << 53) - 1, 1 - (1 << 53), 0.1])
def test_numbers_that_helm_does_not_change_are_let_through(helm: Engine, number: float) -> None:
    source = {**SOURCE, "variables": [{**NUMBER, "default": number}]}
    settings = helm.render(nested("segments.settings.data_sources", [source])).settings("segments")
    assert settings["data_sources"][0]["variables"][0]["default"] == number


@pytest.mark.parametrize("number", [1 << 53, -(1 << 53), 10**30])
def test_numbers_beyond_are_quoted_or_refused(helm: Engine, number: int) -> None:
    source = {**SOURCE, "variables": [{**NUMBER, "default": number}]}
    with pytest.raises(RenderError, match="quote it"):
        helm.render(nested("segments.settings.data_sources", [source]))
    source["variables"] = [{**NUMBER, "default": str(number)}]
    manifests = helm.render(nested("segments.settings.data_sources", [source]))
    assert manifests.settings("segments")["data_sources"][0]["variables"][0]["default"] == str(number)
