"""Who calls: a pod in a namespace of its own with the certificates of the platform and of a developer."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from directflow_cli.dev import toml

from ..certificates import Authority
from . import manifests
from .kubectl import Failed, apply, command_in, execute, kubectl
from .load import Result

NAME = "client"
USER = 10001
WORKSPACE = "demo"
IDENTITIES = ("platform", "developer")
COMMAND_S = 120.0
END_S = 180.0
DATA_SOURCE, SEGMENT, STREAMED, CONDITION = "communities", "1", "wide", "is_premium"
LOAD = Path(__file__).with_name("load.py")
# The interpreter of the image's own `directflow`: the stubs and gRPC are there.
PYTHON = 'exec $(sed -n "1s/^#!//p" "$(command -v directflow)") "$@"'


def spiffe(trust_domain: str, namespace: str, account: str) -> str:
    return f"spiffe://{trust_domain}/ns/{namespace}/sa/{account}"


@dataclass
class Client:
    """The pod."""

    namespace: str
    targets: dict[str, str]
    """host:port by service."""

    def directflow(self, identity: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The command line over mTLS as this identity."""
        return execute(
            self.namespace, NAME, "env", "DIRECTFLOW_CONFIG=/client/directflow.toml", "NO_COLOR=1",
            "directflow", "--context", identity, *arguments, timeout=COMMAND_S,
        )  # fmt: skip

    def ok(self, identity: str, *arguments: str) -> str:
        ran = self.directflow(identity, *arguments)
        if ran.returncode != 0:
            raise Failed(f"directflow {' '.join(arguments)}: exit code {ran.returncode}\n{ran.stdout}{ran.stderr}")
        return ran.stdout

    def defined(self) -> int:
        """Applies the definitions, as often as one likes; how many people the audience of the load has."""
        self.ok("developer", "apply", "-f", "/definitions/")
        counted = self.ok("platform", "audience", "count", STREAMED, "-o", "json")
        return int(json.loads(counted)["people"])

    @contextmanager
    def calling(self, people: int, **options: float) -> Iterator["Outcome"]:
        """Calls through the Services while the block lasts; the outcome is known behind it."""
        chosen = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
        targets = {f"--{name}": f"dns:///{self.targets[name]}" for name in ("segments", "conditions")}
        arguments = [part for pair in targets.items() for part in pair] + ["--people", str(people), *chosen]
        command = ("sh", "-c", PYTHON, "python", "/client/load.py", "--tls", "/tls/platform", *arguments)
        line = command_in(self.namespace, NAME, *command, interactive=True)
        outcome = Outcome()
        with subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield outcome
                said, wrong = process.communicate(timeout=END_S)
            finally:
                process.kill()
        if process.returncode != 0:
            raise Failed(f"the load ended with {process.returncode}: {wrong[-3000:]}")
        outcome.__dict__.update(json.loads(said))


def in_pod(client: Client, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs Python in the client's pod."""
    return execute(client.namespace, NAME, "sh", "-c", PYTHON, "python", "-", *arguments, stdin=program)


class Outcome(Result):
    """What load.py prints."""

    def told(self) -> str:
        errors = "\n".join(json.dumps(error) for error in self.errors)
        return (
            f"{self.calls} calls, {self.failed} failed, slowest {self.slowest_ms} ms; {self.streams} whole streams"
            f" of up to {self.longest_stream_s} s, {self.truncated} truncated\n{errors}"
        )


def start(
    namespace: str,
    authority: Authority,
    trust_domain: str,
    image: str,
    targets: dict[str, str],
    definitions: Mapping[str, str],
) -> Client:
    """The pod runs when it returns; it has the files of `definitions`."""
    mounted = {}
    secrets = []
    for identity in IDENTITIES:
        issued = authority.issue(f"URI:{spiffe(trust_domain, namespace, identity)}", common_name=identity)
        files = {"tls.crt": issued.certificate, "tls.key": issued.key, "ca.crt": authority.root}
        secrets.append(manifests.secret(f"{identity}-tls", namespace, files))
        mounted[f"/tls/{identity}"] = manifests.from_secret(f"{identity}-tls")
    files_of_client = {"directflow.toml": _contexts(targets), "load.py": LOAD.read_text()}
    apply(
        [
            *secrets,
            manifests.config_map("client", namespace, files_of_client),
            manifests.config_map("definitions", namespace, definitions),
            manifests.pod(
                NAME, namespace, image, ("sleep", "infinity"), user=USER, env={"HOME": "/tmp"},
                volumes={
                    **mounted,
                    "/client": manifests.from_config_map("client"),
                    "/definitions": manifests.from_config_map("definitions"),
                    "/tmp": {"emptyDir": {}},
                },
            ),
        ]
    )  # fmt: skip
    kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=60s", timeout=90)
    return Client(namespace, targets)


def _contexts(targets: dict[str, str]) -> str:
    return "".join(
        toml.section(f"contexts.{identity}", {**targets, "workspace": WORKSPACE, "tls_directory": f"/tls/{identity}"})
        for identity in IDENTITIES
    )
