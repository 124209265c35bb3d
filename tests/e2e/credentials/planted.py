"""Three services of their own whose every secret, place and address is a word that can be looked for."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from directflow_cli.dev import toml
from directflow_cli.dev.psql import identifier, literal

from ...certificates import Authority, Mount
from ...query_gateway.vault import setups
from ...query_gateway.vault.identities import Issuer
from ...query_gateway.vault.servers import Certificate, StandIn, Vault
from .clients import Clients
from .customers import adult, everybody, readers
from .processes import WORKSPACE, Section, vault_role
from .relay import Relay
from .site import Site

ADDRESS = "127.77.88.99"
"""Loopback, and nobody else's."""
PEOPLE_OF_ALL = ("developer", "segments", "conditions")


def word(what: str) -> str:
    """One that is nowhere else."""
    return f"canary-{what}-{secrets.token_hex(6)}"


@dataclass
class Words:
    """What is planted, by what it is."""

    password: str = field(default_factory=lambda: word("password"))
    wrong_password: str = field(default_factory=lambda: word("wrong-password"))
    other_field: str = field(default_factory=lambda: word("other-field"))
    user: str = field(default_factory=lambda: word("user"))
    stranger: str = field(default_factory=lambda: word("stranger"))
    kv_mount: str = field(default_factory=lambda: word("kv-mount"))
    kv_path: str = field(default_factory=lambda: word("kv-path"))
    password_field: str = field(default_factory=lambda: word("password-field"))
    database_mount: str = field(default_factory=lambda: word("database-mount"))
    login_mount: str = field(default_factory=lambda: word("login-mount"))
    login_role: str = field(default_factory=lambda: word("login-role"))
    folder_of_token: str = field(default_factory=lambda: word("folder-of-token"))
    folder_of_authority: str = field(default_factory=lambda: word("folder-of-authority"))
    folder_of_keys: str = field(default_factory=lambda: word("folder-of-keys"))
    host: str = field(default_factory=lambda: word("host") + ".invalid")
    address: str = ADDRESS
    database: str = field(default_factory=lambda: word("database"))
    literal: str = field(default_factory=lambda: word("literal"))
    value: str = field(default_factory=lambda: word("value"))
    profile: str = field(default_factory=lambda: word("profile"))
    mail: str = field(default_factory=lambda: word("mail"))


@dataclass
class Planted:
    """The processes "gateway-planted", "segments-planted" and "conditions-planted" of a site, and all their secrets."""

    at: Site
    words: Words
    vault: Vault
    authority: Authority
    mounts: Mapping[str, Mount]
    jwt: str = field(repr=False)
    made: dict[str, str] = field(default_factory=dict, repr=False)
    """What Vault has made so far: tokens, leases, users."""

    NAMES = ("gateway-planted", "segments-planted", "conditions-planted")

    def secrets(self) -> dict[str, str]:
        """What nobody may be shown, whoever he is."""
        words = {"jwt": self.jwt, "jwt's signature": self.jwt.rpartition(".")[2], **self.made}
        for name, mount in self.mounts.items():
            lines = (mount.folder / "tls.key").read_text().splitlines()
            words |= {f"key of {name}, line {number}": line for number, line in enumerate(lines[1:-1]) if len(line) > 9}
        named = ("password", "wrong_password", "other_field", "user", "literal", "value", "profile", "mail")
        return words | {name: getattr(self.words, name) for name in named}

    def words_but(self, *allowed: str) -> dict[str, str]:
        """The places of secrets and of databases as well."""
        words = self.secrets() | vars(self.words)
        return {name: word for name, word in words.items() if name not in allowed}

    def remember(self) -> None:
        """What is there now: leases and their users end."""
        core = self.vault._server._core  # type: ignore[attr-defined]
        tokens = core.tokens.made_by("auth/")
        self.made |= {f"token {token.id[-4:]}": token.id for token in tokens}
        self.made |= {f"accessor {token.accessor[-4:]}": token.accessor for token in tokens}
        self.made |= {f"lease {lease[-4:]}": lease for lease in core.leases.below(self.words.database_mount)}
        self.made |= {f"user {user[-15:]}": user for user in self.at.made_roles("planted")}


class PlantedClients(Clients):
    """Callers of those three: the gateway takes certificates only."""

    def __init__(self, planted: Planted) -> None:
        super().__init__(planted.at, "gateway-planted")
        self._planted = planted

    def _channel(self, service: str) -> grpc.aio.Channel:
        address = self.at.processes[f"{service}-planted"].address
        if service != "gateway":
            return self._channels.setdefault(service, grpc.aio.insecure_channel(address))
        if service not in self._channels:
            files = self._planted.mounts["developer"].settings
            credentials = grpc.ssl_channel_credentials(
                self._planted.authority.root, files.key_file.read_bytes(), files.certificate_file.read_bytes()
            )
            self._channels[service] = grpc.aio.secure_channel(address, credentials)
        return self._channels[service]


@dataclass(frozen=True)
class JwtLogin:
    """By a token in a file, at a Vault whose authority is in a file."""

    vault: str
    words: Words
    folder: Path

    def sections(self) -> str:
        vault: Section = {
            "address": self.vault,
            "ca_file": str(self.folder / self.words.folder_of_authority / "ca.crt"),
            "request_timeout_s": 2.0,
        }
        login: Section = {
            "method": "jwt",
            "mount": self.words.login_mount,
            "role": self.words.login_role,
            "token_file": str(self.folder / self.words.folder_of_token / "token"),
        }
        return toml.section("vault", vault) + toml.section("vault.login", login)


@contextmanager
def planted(at: Site, psql: Path, folder: Path) -> Iterator[Planted]:
    """Set up on the customer's database of a site."""
    words = Words()
    authority = Authority(folder / "authority")
    names = {"vault": ("IP:127.0.0.1",), "gateway": ("IP:127.0.0.1",)}
    mounts = {
        name: authority.mount(folder / words.folder_of_keys / name, *names.get(name, (f"URI:spiffe://here/{name}",)))
        for name in (*names, *PEOPLE_OF_ALL)
    }
    files = mounts["vault"].settings
    vault = StandIn(psql, Certificate(files.certificate_file, files.key_file, files.ca_file))
    with ExitStack() as stack:
        stack.callback(vault.close)
        relay = Relay(ADDRESS, at.postgres.port)
        stack.callback(relay.close)
        issuer = Issuer(made(folder / "issuer"))
        jwt = issuer.sign(aud="vault", sub="directflow-gateway")
        (made(folder / words.folder_of_token) / "token").write_text(jwt)
        (made(folder / words.folder_of_authority) / "ca.crt").write_bytes(authority.root)
        fill(vault, at, words, issuer)
        start(at, relay.port, words, JwtLogin(vault.address, words, folder), mounts)
        stack.callback(at.stop, *Planted.NAMES)
        yield Planted(at, words, vault, authority, mounts, jwt)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fill(vault: Vault, at: Site, words: Words, issuer: Issuer) -> None:
    """Logins of the customer's, in Vault, with a policy that forgets one engine; one password is wrong."""
    user, group = identifier(words.user), identifier(readers(at.database))
    at.admin(f"CREATE ROLE {user} LOGIN PASSWORD {literal(words.password)}; GRANT {group} TO {user}")
    at.admin(f"UPDATE people SET email = {literal(words.mail)} || id || '@example.com' WHERE id <= 10")
    for id, password in {"good": words.password, "wrong": words.wrong_password}.items():
        secret = {"username": words.user, words.password_field: password, "other": words.other_field}
        setups.put_kv(vault, f"{words.kv_path}/{WORKSPACE}/{id}", secret, words.kv_mount)
    for id in ("down", "unresolved", "tls", "elsewhere"):
        secret = {"username": words.stranger, words.password_field: words.password}
        setups.put_kv(vault, f"{words.kv_path}/{WORKSPACE}/{id}", secret, words.kv_mount)
    setups.put_kv(vault, f"{words.kv_path}/{WORKSPACE}/empty", {"username": words.user}, words.kv_mount)
    setups.database(vault, at.postgres, at.database, mount=words.database_mount)
    grants = [f'GRANT {group} TO "{{{{name}}}}"', 'ALTER ROLE "{{name}}" CREATEDB']  # the role doctor has a word to say
    setups.dynamic_role(vault, vault_role("planted"), grants=grants, mount=words.database_mount, default_ttl="6s")
    rules = {f"{words.kv_mount}/data/*": ["read"], f"{words.database_mount}/creds/*": ["read"]}
    setups.policy(vault, "planted", rules)
    setups.jwt_login(vault, issuer, "planted", role=words.login_role, mount=words.login_mount)


def start(at: Site, port: int, words: Words, login: JwtLogin, mounts: Mapping[str, Mount]) -> None:
    """With everything that a connection can lack: a password, the right one, a server, a name, TLS, a database."""
    here = {"host": ADDRESS, "port": port, "user": words.stranger}
    changes: dict[str, dict[str, Any]] = {
        "good": {},
        "wrong": {},
        "missing": {},
        "empty": {},
        "planted": {"credential_kind": "vault-dynamic"},
        "unknown-role": {"credential_kind": "vault-dynamic"},
        "denied": {"credential_kind": "vault-static"},
        "down": {"port": 1},
        "unresolved": {"host": words.host},
        "tls": {"sslmode": "verify-full", "ca_pem": mounts["gateway"].settings.ca_file.read_text()},
        "elsewhere": {"database": words.database},
    }
    connections = [at.connection(id, "vault-kv") | here | change for id, change in changes.items()]
    places: dict[str, Section] = {
        "vault_kv": {
            "mount": words.kv_mount,
            "path": f"{words.kv_path}/{{workspace}}/{{connection}}",
            "password_field": words.password_field,
        },
        "vault_dynamic": {"mount": words.database_mount, "role": "{connection}_{workspace}"},
        "vault_static": {"mount": words.database_mount, "role": "{connection}_{workspace}"},
    }
    tls = {name: toml.section(f"{side}.tls", {"directory": str(mounts[name].folder)}) for name, side in SIDES.items()}
    callers = "".join(
        toml.element(
            "identity.callers", {"name": name, "peers": [f"spiffe://here/{name}"], "role": name, "workspaces": ["*"]}
        )
        for name in PEOPLE_OF_ALL
    )
    at.start(at.plans.gateway("gateway-planted", login, connections, places, tls["gateway"] + callers))
    address, ids = at.processes["gateway-planted"].address, ["good", "wrong", "planted"]
    at.start(
        at.plans.follower("segments-planted", address, tls["segments"] + "".join(map(everybody, ids))),
        at.plans.follower("conditions-planted", address, tls["conditions"] + "".join(map(adult, ids))),
    )


SIDES = {"gateway": "server", "segments": "gateway", "conditions": "gateway"}
