"""A real Vault in a pod: Kubernetes logins that it checks with the API server, and the secrets of both databases."""

import json
from dataclasses import dataclass

from ..certificates import Authority
from . import manifests
from .databases import OWN, OWN_ROLES, ROLE, Postgres
from .kubectl import Failed, apply, execute, kubectl, ok, run

IMAGE = ("DIRECTFLOW_CLUSTER_VAULT_IMAGE", "directflow.local/cluster-test-backends:1")
"""The variable that names another one, such as `hashicorp/vault:1.13`, and what is used without."""
NAME = "vault"
USER = 100
ROOT = "root"
PORT = 8200
AUDIENCE = "vault"
LOGIN_ROLE = "directflow-gateway"
ENVIRONMENT = {"VAULT_ADDR": "http://127.0.0.1:8201", "VAULT_TOKEN": ROOT, "HOME": "/tmp"}
LISTENER = {"address": "0.0.0.0:8200", "tls_cert_file": "/tls/tls.crt", "tls_key_file": "/tls/tls.key"}
CONFIGURATION = json.dumps({"listener": {"tcp": LISTENER}, "disable_mlock": True})
COMMAND = (
    "vault", "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT}",
    "-dev-listen-address=127.0.0.1:8201", "-config=/configuration/vault.json",
)  # fmt: skip
POLICY = """
path "secret/data/directflow/+/+" { capabilities = ["read"] }
path "secret/data/directflow-database/+" { capabilities = ["read"] }
"""


@dataclass(frozen=True)
class Vault:
    """Where it is."""

    namespace: str
    authority: str
    """PEM."""
    reviewer: str
    """The ClusterRoleBinding that lets it have tokens reviewed."""

    @property
    def host(self) -> str:
        return f"{NAME}.{self.namespace}.svc.cluster.local"

    @property
    def address(self) -> str:
        return f"https://{self.host}:{PORT}"

    def admin(self, *arguments: str, stdin: str | None = None) -> str:
        """`vault ARGUMENTS` as root."""
        ran = execute(self.namespace, NAME, "vault", *arguments, stdin=stdin)
        if ran.returncode != 0:
            raise Failed(f"vault {arguments[0]}: {ran.stderr}")
        return ran.stdout

    def keep_password(self, postgres: Postgres, role: str = ROLE) -> None:
        """The customer's password as `postgres` has it, where the gateway looks for that of `demo`'s `customer`."""
        self._put("directflow/demo/customer", role, postgres)

    def keep_own(self, postgres: Postgres) -> None:
        """DirectFlow's own three logins."""
        for name in OWN_ROLES:
            self._put(f"directflow-database/{name}", f"{OWN}_{name}", postgres)

    def _put(self, path: str, role: str, postgres: Postgres) -> None:
        login = {"username": role, "password": postgres.passwords[role]}
        self.admin("kv", "put", "-mount=secret", path, "-", stdin=json.dumps(login))

    def refusal(self, token: str, role: str = LOGIN_ROLE) -> str:
        """Why Vault does not let the holder of this service account token in; empty where it does."""
        ran = execute(
            self.namespace, NAME, "vault", "write", "-format=json", "auth/kubernetes/login", f"role={role}", "jwt=-",
            stdin=token,
        )  # fmt: skip
        if ran.returncode == 0:
            return ""
        if "Code: 403" not in ran.stderr:
            raise Failed(f"neither let in nor refused: {ran.stderr}")
        return ran.stderr.partition("* ")[2].splitlines()[0]

    def close(self) -> None:
        """Takes back what is not in the namespace."""
        run("kubectl", "delete", "clusterrolebinding", self.reviewer, "--ignore-not-found")


def start(namespace: str, authority: Authority) -> Vault:
    """Serves, unsealed and empty, when it returns."""
    at = Vault(namespace, authority.pem, f"{namespace}-reviews-tokens")
    issued = authority.issue(f"DNS:{at.host}", common_name=NAME)
    apply(
        [
            manifests.secret("vault-tls", namespace, {"tls.crt": issued.certificate, "tls.key": issued.key}),
            manifests.config_map("vault", namespace, {"vault.json": CONFIGURATION}),
            manifests.service_account(NAME, namespace),
            _may_review_tokens(at),
            manifests.service(NAME, namespace, PORT),
            manifests.pod(
                NAME, namespace, manifests.image(*IMAGE), COMMAND, user=USER, account=NAME, env=ENVIRONMENT,
                ready=("vault", "status"),
                volumes={
                    "/tls": manifests.from_secret("vault-tls"),
                    "/configuration": manifests.from_config_map("vault"),
                },
            ),
        ]
    )  # fmt: skip
    kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=90s", timeout=120)
    return at


def _may_review_tokens(at: Vault) -> manifests.Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": at.reviewer},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": at.namespace}],
    }


def allow(at: Vault, account: str, namespace: str) -> None:
    """What docs/credentials.md tells Vault's administrator: this service account's tokens for AUDIENCE may log in."""
    at.admin("policy", "write", "directflow-gateway", "-", stdin=POLICY)
    at.admin("auth", "enable", "kubernetes")
    at.admin("write", "auth/kubernetes/config", "kubernetes_host=https://kubernetes.default.svc")
    at.admin(
        "write", f"auth/kubernetes/role/{LOGIN_ROLE}", f"bound_service_account_names={account}",
        f"bound_service_account_namespaces={namespace}", f"audience={AUDIENCE}",
        "token_policies=directflow-gateway", "token_ttl=1h", "token_max_ttl=24h",
    )  # fmt: skip


def token_of(account: str, namespace: str, audience: str = AUDIENCE) -> str:
    """What kubelet would project into a pod of this service account."""
    return ok("kubectl", "-n", namespace, "create", "token", account, f"--audience={audience}").strip()
