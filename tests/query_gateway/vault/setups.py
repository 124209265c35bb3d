"""Sets up what a test needs on either server, as an operator would: through Vault's HTTP API."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role, identifier

from .identities import Issuer, TokenReviews
from .servers import Vault

CREATE_ROLE = "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"
DROP_ROLE = 'DROP ROLE IF EXISTS "{{name}}"'
"""Without ending sessions: PostgreSQL does not, and a role that is dropped under us is what T16 is about."""
DROP_OWNED = 'DROP OWNED BY "{{name}}"'


# --- secrets -----------------------------------------------------------------------------------------------------


def mounted(vault: Vault, kind: str, mount: str, options: Mapping[str, str] | None = None) -> None:
    """A secrets engine at `mount`, unless it is there."""
    if f"{mount}/" not in vault.ok("GET", "sys/mounts")["data"]:
        vault.ok("POST", f"sys/mounts/{mount}", {"type": kind, "options": dict(options or {})})


def put_kv(vault: Vault, path: str, data: Mapping[str, Any], mount: str = "secret") -> None:
    """A new version of the secret at `path` (KV version 2)."""
    mounted(vault, "kv", mount, {"version": "2"})
    vault.ok("POST", f"{mount}/data/{path}", {"data": dict(data)})


def database(
    vault: Vault, postgres: PostgresServer, name: str = "postgres", *, mount: str = "database", config: str = "customer"
) -> None:
    """The database engine, connected as a role of its own that may make roles, to the database `name`."""
    mounted(vault, "database", mount)
    manager = postgres.create_role("LOGIN CREATEROLE SUPERUSER")
    vault.ok(
        "POST",
        f"{mount}/config/{config}",
        {
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": "*",
            "connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@{postgres.host}:{postgres.port}/{name}"
            "?sslmode=disable",
            "username": manager.name,
            "password": manager.password,
            "password_authentication": "scram-sha-256",
        },
    )


def dynamic_role(
    vault: Vault,
    name: str,
    *,
    default_ttl: str = "1h",
    max_ttl: str = "24h",
    grants: Iterable[str] = (),
    revocation: Iterable[str] = (DROP_OWNED, DROP_ROLE),
    mount: str = "database",
    config: str = "customer",
) -> None:
    """`database/creds/<name>` makes PostgreSQL roles from now on; `grants` as in 'GRANT x TO "{{name}}"'."""
    vault.ok(
        "POST",
        f"{mount}/roles/{name}",
        {
            "db_name": config,
            "creation_statements": [CREATE_ROLE, *grants],
            "revocation_statements": list(revocation),
            "default_ttl": default_ttl,
            "max_ttl": max_ttl,
        },
    )


def static_role(
    vault: Vault,
    name: str,
    role: Role,
    *,
    rotation_period: str = "1h",
    mount: str = "database",
    config: str = "customer",
) -> None:
    """Vault owns the password of an existing PostgreSQL role from now on: it changes it at once."""
    vault.ok(
        "POST",
        f"{mount}/static-roles/{name}",
        {
            "db_name": config,
            "username": role.name,
            "rotation_period": rotation_period,
            "rotation_statements": ["ALTER ROLE \"{{name}}\" WITH PASSWORD '{{password}}'"],
        },
    )


def rotate(vault: Vault, name: str, mount: str = "database") -> None:
    """The password of a static role changes now."""
    vault.ok("POST", f"{mount}/rotate-role/{name}")


def vault_roles(postgres: PostgresServer) -> set[str]:
    """The roles that a Vault's dynamic credentials made, as PostgreSQL has them now."""
    return set(postgres.psql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-%'").split())


def drop_role(postgres: PostgresServer, name: str) -> None:
    postgres.psql(f"DROP OWNED BY {identifier(name)}; DROP ROLE {identifier(name)}")


# --- who may what ------------------------------------------------------------------------------------------------


def policy(vault: Vault, name: str, paths: Mapping[str, Iterable[str]]) -> None:
    """`policy(vault, "reader", {"secret/data/*": ["read"]})`."""
    rules = {path: {"capabilities": list(capabilities)} for path, capabilities in paths.items()}
    # JSON: the stand-in reads no HCL.
    vault.ok("PUT", f"sys/policies/acl/{name}", {"policy": json.dumps({"path": rules})})


def gateway_policy(vault: Vault, name: str = "gateway") -> str:
    """What a gateway needs, at the mounts that these setups make; its name."""
    readable = ("secret/data/*", "database/creds/*", "database/static-creds/*")
    policy(vault, name, {path: ["read"] for path in readable})
    return name


def token(vault: Vault, *policies: str, ttl: str = "1h", **more: Any) -> str:
    """A token made by root; `more` as explicit_max_ttl, period, renewable, type, no_parent."""
    asked = {"policies": list(policies), "ttl": ttl, **more}
    return str(vault.ok("POST", "auth/token/create", asked)["auth"]["client_token"])


# --- logins ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AppRole:
    role_id: str
    secret_id: str = field(repr=False)


def approle(vault: Vault, *policies: str, role: str = "gateway", mount: str = "approle", **token: Any) -> AppRole:
    """The AppRole login; `token` as token_ttl, token_max_ttl, token_period, token_type, token_explicit_max_ttl."""
    enabled(vault, "approle", mount)
    vault.ok("POST", f"auth/{mount}/role/{role}", {"token_policies": list(policies), **token})
    role_id = vault.ok("GET", f"auth/{mount}/role/{role}/role-id")["data"]["role_id"]
    secret_id = vault.ok("POST", f"auth/{mount}/role/{role}/secret-id", {})["data"]["secret_id"]
    return AppRole(role_id, secret_id)


def jwt_login(
    vault: Vault,
    issuer: Issuer,
    *policies: str,
    role: str = "gateway",
    audience: str = "vault",
    subject: str = "directflow-gateway",
    mount: str = "jwt",
    **token: Any,
) -> None:
    """The JWT login for what `issuer` signs: `issuer.sign(aud=audience, sub=subject)`."""
    enabled(vault, "jwt", mount)
    vault.ok(
        "POST",
        f"auth/{mount}/config",
        {"jwt_validation_pubkeys": [issuer.public_pem], "bound_issuer": issuer.name, "jwt_supported_algs": ["RS256"]},
    )
    bound = {"bound_audiences": [audience], "bound_subject": subject, "user_claim": "sub"}
    asked = {"role_type": "jwt", "token_policies": list(policies), **bound, **token}
    vault.ok("POST", f"auth/{mount}/role/{role}", asked)


def kubernetes_login(
    vault: Vault,
    reviews: TokenReviews,
    *policies: str,
    role: str = "gateway",
    service_account: str = "directflow-gateway",
    namespace: str = "directflow",
    audience: str = "vault",
    mount: str = "kubernetes",
    **token: Any,
) -> None:
    """The Kubernetes login for tokens that `reviews` knows: `reviews.issue(...)`."""
    enabled(vault, "kubernetes", mount)
    vault.ok(
        "POST",
        f"auth/{mount}/config",
        {
            "kubernetes_host": reviews.address,
            "kubernetes_ca_cert": reviews.authority_pem,
            "token_reviewer_jwt": reviews.reviewer_token,
            # Otherwise Vault takes its own pod's files when it runs in one.
            "disable_local_ca_jwt": True,
        },
    )
    bound = {"bound_service_account_names": [service_account], "bound_service_account_namespaces": [namespace]}
    asked = {**bound, "audience": audience, "token_policies": list(policies), **token}
    vault.ok("POST", f"auth/{mount}/role/{role}", asked)


def enabled(vault: Vault, kind: str, mount: str) -> None:
    """A login method at `mount`, unless it is there."""
    if f"{mount}/" not in vault.ok("GET", "sys/auth")["data"]:
        vault.ok("POST", f"sys/auth/{mount}", {"type": kind})
