"""The chart, installed on this machine: its pods as processes, their certificates, and a customer's PostgreSQL."""

import importlib.util
import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from directflow_cli.dev import directflow_database
from directflow_cli.dev.postgres import PostgresServer

from tests.certificates import Authority
from tests.chart.kubernetes_schemas import NEWEST
from tests.chart.rendering import COMPONENTS, Engine, HelmEngine, HelmProgram, Values
from tests.tools import tool

from .pods import Cluster

WORKSPACE = "acme"
DEVELOPER = "spiffe://cluster.local/ns/developers/sa/developer"
DEVELOPERS_SECRET = "developer-tls"
CREDENTIALS = "/var/run/directflow/credentials"


@pytest.fixture(scope="session")
def helm() -> Iterator[Engine]:
    """The engine from PyPI, else the helm of `make tools`."""
    if importlib.util.find_spec("helm_python") is None:
        yield HelmProgram(tool("helm"), NEWEST)
        return
    engine = HelmEngine()
    yield engine
    engine.close()


def values(own: directflow_database.DirectFlowDatabase) -> Values:
    """What this customer writes: logins in files, a database for definitions, a developer."""
    developer = {"name": "developer", "role": "developer", "peers": [DEVELOPER], "workspaces": [WORKSPACE]}
    return {
        "vault": {"enabled": False},
        "database": {
            "enabled": True, "host": own.host, "port": own.port, "name": own.database, "sslmode": "disable",
            "existingSecret": "directflow-database",
        },
        "identity": {"callers": {component: [developer] for component in COMPONENTS}},
        "rollout": {"lameDuckSeconds": 0},
        "segments": {"audience": {"memoryBytes": 64 << 20, "diskBytes": 64 << 20}},
        "test": {"workspace": WORKSPACE},
        "gateway": {
            "settings": {
                "egress": {"allow_loopback": True},  # that is where this customer's PostgreSQL is
                "credentials": {"path": f"{CREDENTIALS}/{{workspace}}.{{connection}}"},
            },
            "extraVolumes": [{"name": "credentials", "secret": {"secretName": "customers-logins"}}],
            "extraVolumeMounts": [{"name": "credentials", "mountPath": CREDENTIALS, "readOnly": True}],
        },
    }  # fmt: skip


@pytest.fixture(scope="package")
def customer(postgres: PostgresServer) -> dict[str, str]:
    """Somebody's database with three people."""
    database, role = postgres.create_database(), postgres.create_role()
    postgres.psql(
        "CREATE TABLE people (id bigint PRIMARY KEY, email text, age integer);"
        "INSERT INTO people SELECT g, 'someone' || g || '@example.com', g * 10 FROM generate_series(1, 3) g;"
        f'GRANT SELECT ON people TO "{role.name}"',
        database=database,
    )
    place = {"host": postgres.host, "port": str(postgres.port), "database": database, "user": role.name}
    return {**place, "password": role.password}


@pytest.fixture(scope="package")
def installed(
    helm: Engine, postgres: PostgresServer, customer: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """All three Deployments, one pod of each, in the order in which they would get ready."""
    folder = tmp_path_factory.mktemp("chart")
    own = directflow_database.create(postgres, f"chart_{customer['database']}")
    cluster = Cluster(helm.render(values(own)), folder)
    authority = Authority(folder / "authority")
    cluster.issue_certificates(authority)
    cluster.secrets[DEVELOPERS_SECRET] = authority.mount(folder / "developer", f"URI:{DEVELOPER}").folder
    logins = {name: json.dumps({"username": one.name, "password": one.password}) for name, one in own.roles.items()}
    cluster.keep_secret("directflow-database", {f"{name}.json": login for name, login in logins.items()})
    cluster.keep_secret("customers-logins", {f"{WORKSPACE}.customer": customer["password"]})
    with ExitStack() as stack:
        for component in COMPONENTS:
            stack.enter_context(cluster.running(component))
        yield cluster
