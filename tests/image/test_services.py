"""The three services from the image, each as a container of its own, with settings files and a customer's database."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from directflow_cli.dev.postgres import PostgresServer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from .container import Container, Image

SERVICES = ("gateway", "segments", "conditions")
READY_S = 60
POLL_S = 0.05
SETTINGS = "/etc/directflow"
SHARED = """
[server]
host = "127.0.0.1"
port = 0
health_port = 0
announce_file = "/tmp/announced.json"
lame_duck_s = 0
drain_grace_s = 2
[identity]
allow_development = true
"""
GATEWAY = """
[egress]
allow_loopback = true
[credentials]
path = "/etc/directflow/credentials/{{workspace}}/{{connection}}"
[[connections]]
workspace = "acme"
id = "crm"
host = "{host}"
port = {port}
database = "{database}"
user = "{user}"
sslmode = "disable"
credential_kind = "file"
"""
SEGMENTS = """
[gateway]
target = "{gateway}"
[audience]
scratch_directory = "/tmp"
[[data_sources]]
name = "workspaces/acme/dataSources/people"
connection = "workspaces/acme/connections/crm"
generator_sql = "SELECT id AS profile_id, email FROM people"
"""
CONDITIONS = """
[gateway]
target = "{gateway}"
[[conditions]]
name = "workspaces/acme/conditions/adult"
connection = "workspaces/acme/connections/crm"
sql = "SELECT age >= 18 AS result FROM people WHERE id = '<%= profile_id %>'"
"""


@dataclass
class Service:
    """One that serves."""

    container: Container
    announced: dict[str, int]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.announced['port']}"

    def health(self) -> int:
        """As a Kubernetes probe asks, on the port that speaks no TLS."""
        with grpc.insecure_channel(f"127.0.0.1:{self.announced['health_port']}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            found: int = stub.Check(health_pb2.HealthCheckRequest(service=""), timeout=READY_S).status
            return found


@contextmanager
def serving(image: Image, folder: Path, service: str, settings: str) -> Iterator[Service]:
    """`directflow-SERVICE` while the block lasts; its exit code must be that of a clean drain."""
    mounted = folder / "etc"
    mounted.mkdir(parents=True, exist_ok=True)
    (mounted / f"{service}.toml").write_text(SHARED + settings)
    command = [f"directflow-{service}", "--config", f"{SETTINGS}/{service}.toml"]
    container = Container(image, folder / "container", command, mounts={SETTINGS: mounted})
    with container.running() as process:
        yield Service(container, announced(container, process))
        code = container.stop(process)
        assert code == 0, container.log.read_text()


def announced(container: Container, process: subprocess.Popen[bytes]) -> dict[str, int]:
    """What the service says once it serves."""
    ends_at, file = time.monotonic() + READY_S, container.tmp / "announced.json"
    while not file.exists():
        assert process.poll() is None, container.log.read_text()
        assert time.monotonic() < ends_at, container.log.read_text()
        time.sleep(POLL_S)
    found: dict[str, int] = json.loads(file.read_text())
    return found


@pytest.fixture(scope="module")
def gateway_settings(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A customer's database with two people, its password in a file, and the settings that lead there."""
    database, role = postgres.create_database(), postgres.create_role()
    postgres.psql(
        "CREATE TABLE people (id bigint PRIMARY KEY, age integer, email text);"
        "INSERT INTO people VALUES (1, 40, 'a@example.com'), (2, 7, 'b@example.com');"
        f'GRANT SELECT ON people TO "{role.name}"',
        database=database,
    )
    folder = tmp_path_factory.mktemp("gateway")
    credential = folder / "etc" / "credentials" / "acme" / "crm"
    credential.parent.mkdir(parents=True)
    credential.write_text(role.password)
    return folder, GATEWAY.format(host=postgres.host, port=postgres.port, database=database, user=role.name)


@pytest.fixture(scope="module")
def services(
    image: Image, gateway_settings: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Service]]:
    """All three."""
    with ExitStack() as stack:
        gateway = stack.enter_context(serving(image, gateway_settings[0], "gateway", gateway_settings[1]))
        found = {"gateway": gateway}
        for name, settings in {"segments": SEGMENTS, "conditions": CONDITIONS}.items():
            text = settings.format(gateway=gateway.address)
            found[name] = stack.enter_context(serving(image, tmp_path_factory.mktemp(name), name, text))
        yield found


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_healthy_without_root_and_with_nothing_to_write_but_tmp(
    services: Mapping[str, Service], name: str
) -> None:
    assert services[name].health() == health_pb2.HealthCheckResponse.SERVING


def test_the_command_line_in_the_image_streams_an_audience_and_evaluates_a_condition(
    services: Mapping[str, Service], image: Image, tmp_path: Path
) -> None:
    """Through all three, to the database and back."""
    where = {f"DIRECTFLOW_{name.upper()}": service.address for name, service in services.items()}
    environment = {**where, "DIRECTFLOW_WORKSPACE": "acme", "HOME": "/tmp"}
    script = "directflow audience stream people -o jsonl && directflow condition evaluate adult -p 1"
    ran = Container(image, tmp_path / "client", ["sh", "-euc", script], environment).run()
    assert ran.returncode == 0, ran.stderr
    assert "TRUE" in ran.stdout
    assert ran.stdout.count("profile_id") == 2


def test_settings_with_a_mistake_end_it_with_2_and_its_name(image: Image, tmp_path: Path) -> None:
    mounted = tmp_path / "etc"
    mounted.mkdir()
    (mounted / "gateway.toml").write_text("[server]\nprot = 1\n")
    command = ["directflow-gateway", "--config", f"{SETTINGS}/gateway.toml"]
    ended = Container(image, tmp_path / "container", command, mounts={SETTINGS: mounted}).run()
    assert ended.returncode == 2, ended.stderr
    assert "server.prot" in ended.stderr
