"""A PostgreSQL in a pod: the demo customer's database, and DirectFlow's own. TLS with a certificate that names it."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from directflow_cli.dev.demo_database import FILES

from ..certificates import Authority
from . import manifests
from .kubectl import Failed, apply, execute, kubectl

IMAGE = ("DIRECTFLOW_CLUSTER_POSTGRES_IMAGE", "directflow.local/cluster-test-backends:1")
"""The variable that names another one, such as `postgres:15`, and what is used without."""
USER = 999
"""`postgres` in Debian's image and in ours: initdb needs a user id that the image knows."""
NAME = "postgres"
CUSTOMER, OWN = "customer", "directflow"
ROLE = "directflow_readonly"
OWN_ROLES = ("owner", "writer", "reader")
PEOPLE = 150_000
"""So many that no audience fits into the buffers between three processes: its stream is still read when a pod goes."""
LOAD_S = 300.0
START = """
set -e
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
mkdir -p /data/pg && chmod 700 /data/pg
"$bin/initdb" -D /data/pg -U postgres --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 >/dev/null
install -m 600 /tls/tls.key /data/server.key
printf 'local all all trust\\nhostssl all all all scram-sha-256\\n' > /data/pg/pg_hba.conf
exec "$bin/postgres" -D /data/pg -c listen_addresses='*' -c unix_socket_directories=/data -c fsync=off \\
  -c ssl=on -c ssl_cert_file=/tls/tls.crt -c ssl_key_file=/data/server.key
"""


@dataclass(frozen=True)
class Postgres:
    """Where it is, and every password."""

    namespace: str
    authority: str
    """PEM."""
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    """By role."""

    @property
    def host(self) -> str:
        return f"{NAME}.{self.namespace}.svc.cluster.local"

    def psql(self, sql: str, on: str = "postgres", **variables: str) -> str:
        """Runs it as superuser in the database `on`, up to the first error."""
        set_ = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
        command = ("psql", "-h", "/data", "-U", "postgres", "-d", on, "-XqAt", "-v", "ON_ERROR_STOP=1", *set_)
        ran = execute(self.namespace, NAME, *command, stdin=sql, timeout=LOAD_S)
        if ran.returncode != 0:
            raise Failed(ran.stderr)
        return ran.stdout

    def change_password(self, role: str) -> str:
        """A new one, from now on; sessions that are logged in stay."""
        self.passwords[role] = secrets.token_urlsafe(24)
        self.psql(f"ALTER ROLE {role} PASSWORD :'password'", password=self.passwords[role])
        return self.passwords[role]


def start(namespace: str, authority: Authority) -> Postgres:
    """Serves both databases, loaded, when it returns."""
    at = Postgres(namespace, authority.pem)
    issued = authority.issue(f"DNS:{at.host}", common_name=NAME)
    apply(
        [
            manifests.secret("postgres-tls", namespace, {"tls.crt": issued.certificate, "tls.key": issued.key}),
            manifests.service(NAME, namespace, 5432),
            manifests.pod(
                NAME, namespace, manifests.image(*IMAGE), ("bash", "-c", START), user=USER,
                ready=("pg_isready", "-h", "127.0.0.1"), cpu="500m",
                volumes={"/data": {"emptyDir": {}}, "/tls": manifests.from_secret("postgres-tls")},
            ),
        ]
    )  # fmt: skip
    kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=90s", timeout=120)
    _load_customer(at)
    _make_own(at)
    return at


def _load_customer(at: Postgres) -> None:
    at.psql(f"CREATE DATABASE {CUSTOMER}")
    at.psql(_text("schema.sql"), CUSTOMER)
    at.psql(_text("data.sql"), CUSTOMER, users=str(PEOPLE))
    at.passwords[ROLE] = secrets.token_urlsafe(24)
    at.psql(_text("role.sql"), CUSTOMER, database=CUSTOMER, password=at.passwords[ROLE])


def _text(file: str) -> str:
    return (Path(FILES) / file).read_text()


def _make_own(at: Postgres) -> None:
    """As the documentation tells a DBA: empty, with three roles."""
    at.psql(f"CREATE DATABASE {OWN}; REVOKE ALL ON DATABASE {OWN} FROM PUBLIC;")
    for name in OWN_ROLES:
        role = f"{OWN}_{name}"
        at.psql(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS; GRANT CONNECT ON DATABASE {OWN} TO {role};")
        at.change_password(role)
    at.psql(f"ALTER DATABASE {OWN} OWNER TO {OWN}_owner")
