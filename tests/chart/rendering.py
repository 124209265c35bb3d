"""The chart as two Helms render it: the `helm` of `make tools` (3) and the engine from PyPI (4)."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "directflow"
RELEASE, NAMESPACE = "directflow", "platform"
COMPONENTS = ("gateway", "segments", "conditions")
Values = dict[str, Any]


class RenderError(Exception):
    """Helm's refusal, in its own words."""


class _Loader(yaml.CSafeLoader):
    """Refuses a key that stands twice: PyYAML takes the second one, Kubernetes neither."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        assert len(mapping) == len(node.value), f"a key stands twice: {node.start_mark}"
        return mapping


class Manifests:
    """The objects of one render."""

    def __init__(self, texts: list[str], notes: str = "") -> None:
        self.notes = notes
        """Empty where the engine tells none: `helm template` does not."""
        documents = (document for text in texts for document in yaml.load_all(text, Loader=_Loader))
        self.objects: list[dict[str, Any]] = sorted((one for one in documents if one), key=identity)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """By name."""
        return {one["metadata"]["name"]: one for one in self.objects if one["kind"] == kind}

    def one(self, kind: str, component: str, release: str = RELEASE) -> dict[str, Any]:
        return self.of(kind)[f"{release}-{component}"]

    def spec(self, component: str) -> dict[str, Any]:
        """Of a component's pods."""
        found: dict[str, Any] = self.one("Deployment", component)["spec"]["template"]["spec"]
        return found

    def settings(self, component: str) -> dict[str, Any]:
        """Of a component, read from its ConfigMap."""
        return tomllib.loads(self.one("ConfigMap", component)["data"][f"{component}.toml"])

    def pods(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every pod there can be: whose, and its spec."""
        yield from ((name, pod["spec"]) for name, pod in self._templates())

    def labels_of_pods(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Whose, and its labels."""
        yield from ((name, pod["metadata"]["labels"]) for name, pod in self._templates())

    def _templates(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for one in self.objects:
            if one["kind"] == "Pod":
                yield one["metadata"]["name"], one
            elif "template" in one.get("spec", {}):
                yield one["metadata"]["name"], one["spec"]["template"]


def identity(one: dict[str, Any]) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


class Engine(Protocol):
    """A Helm."""

    def texts(self, values: Values) -> str:
        """What is rendered, unread. Raises RenderError."""

    def render(
        self, values: Values, release: str = RELEASE, chart: Path = CHART, namespace: str = NAMESPACE
    ) -> Manifests:
        """Raises RenderError."""

    def close(self) -> None: ...


class HelmProgram:
    """The `helm` program."""

    def __init__(self, program: Path, kubernetes: str) -> None:
        self._command = [str(program), "template", "--kube-version", kubernetes]

    def texts(self, values: Values) -> str:
        return self._run(values, RELEASE, CHART, NAMESPACE)

    def render(
        self, values: Values, release: str = RELEASE, chart: Path = CHART, namespace: str = NAMESPACE
    ) -> Manifests:
        return Manifests([self._run(values, release, chart, namespace)])

    def lint(self, values: Path) -> tuple[int, str]:
        """The exit code of `helm lint --strict`, and what it has to say but that the chart has no icon."""
        command = [self._command[0], "lint", "--strict", "--quiet", str(CHART), "--values", str(values)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout.strip()

    def _run(self, values: Values, release: str, chart: Path, namespace: str) -> str:
        command = [*self._command, "--namespace", namespace, release, str(chart), "--values", "-"]
        done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RenderError(done.stderr)
        return done.stdout

    def close(self) -> None:
        """Nothing runs on."""


class HelmEngine:
    """The engine from PyPI, in a process of its own that answers until it is closed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("helm_process.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def render(
        self, values: Values, release: str = RELEASE, chart: Path = CHART, namespace: str = NAMESPACE
    ) -> Manifests:
        files = self._ask(values, release, chart, namespace)
        notes = [text for path, text in files.items() if path.endswith("NOTES.txt")]
        return Manifests([text for path, text in files.items() if path.endswith(".yaml")], "".join(notes))

    def texts(self, values: Values) -> str:
        return "".join(
            text for path, text in self._ask(values, RELEASE, CHART, NAMESPACE).items() if path.endswith(".yaml")
        )

    def _ask(self, values: Values, release: str, chart: Path, namespace: str) -> dict[str, str]:
        question = {"chart": str(chart), "values": values, "release": release, "namespace": namespace}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RenderError(answer["error"])
        files: dict[str, str] = answer["files"]
        return files

    def close(self) -> None:
        with suppress(BrokenPipeError):
            self._process.communicate(timeout=10)


def merged(under: Values, over: Values) -> Values:
    """As Helm lays one values file over another: sections are merged, anything else is replaced."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def nested(path: str, value: Any) -> Values:
    """`a.b`, 1 as `{"a": {"b": 1}}`."""
    for key in reversed(path.split(".")):
        value = {key: value}
    found: Values = value
    return found
