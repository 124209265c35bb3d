"""The cluster as an operator has it: kubectl, whatever context it has."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

CALL_S = 60.0
Manifest = dict[str, Any]


class Failed(AssertionError):
    """A command that had to work and did not; the message has what it wrote."""


def run(*command: str, stdin: str | None = None, timeout: float = CALL_S) -> "subprocess.CompletedProcess[str]":
    """Any command, to its end, whatever its exit code."""
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)


def ok(*command: str, stdin: str | None = None, timeout: float = CALL_S) -> str:
    """What a command that has to work wrote to stdout."""
    ran = run(*command, stdin=stdin, timeout=timeout)
    if ran.returncode != 0:
        raise Failed(f"{' '.join(command[:8])}: exit code {ran.returncode}\n{ran.stdout[-2000:]}{ran.stderr[-4000:]}")
    return ran.stdout


def kubectl(*arguments: str, stdin: str | None = None, timeout: float = CALL_S) -> str:
    return ok("kubectl", *arguments, stdin=stdin, timeout=timeout)


def apply(manifests: Iterable[Manifest]) -> None:
    """Creates or changes all of them, in order."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    kubectl("apply", "-f", "-", stdin=json.dumps(listed))


def objects(kinds: str, namespace: str, selector: str = "") -> list[Manifest]:
    """Everything of these kinds ("pods,services") in a namespace."""
    chosen = ["-l", selector] if selector else []
    listed = json.loads(kubectl("-n", namespace, "get", kinds, *chosen, "-o", "json"))
    return list(listed["items"])


def command_in(
    namespace: str, pod: str, *command: str, container: str = "", interactive: bool = False
) -> tuple[str, ...]:
    """The command line that runs `command` in a pod."""
    chosen = ("-c", container) if container else ()
    flags = ("-i",) if interactive else ()
    return ("kubectl", "-n", namespace, "exec", *flags, pod, *chosen, "--", *command)


def execute(
    namespace: str, pod: str, *command: str, stdin: str | None = None, container: str = "", timeout: float = CALL_S
) -> "subprocess.CompletedProcess[str]":
    """Runs a command in a pod to its end, whatever its exit code."""
    line = command_in(namespace, pod, *command, container=container, interactive=stdin is not None)
    return run(*line, stdin=stdin, timeout=timeout)


def labels_of(found: Manifest) -> Mapping[str, str]:
    return found["metadata"].get("labels", {})


def is_ready(pod: Manifest) -> bool:
    """Ready, and not on its way out."""
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]
