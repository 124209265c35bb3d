"""values.schema.json: closed, so that a typing error is refused by name."""

from pathlib import Path
from typing import Any

import yaml

from chart_docs import kubernetes, settings
from chart_docs.comments import CommentError, Value
from chart_docs.definitions import Definitions

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The newest one that every Helm 3 and every editor reads. It ignores what stands beside a `$ref`."""
TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
GLOBAL = {
    "description": "Helm hands it to every chart that is part of another one. Nothing here reads it.",
    "type": "object",
}


def schema(values: tuple[Value, ...], version: str) -> dict[str, Any]:
    """Of these values; types of Kubernetes are those of this version. Raises CommentError."""
    top = _closed({value.path[0]: _of(value) for value in values} | {"global": GLOBAL})
    return {"$schema": DIALECT, "title": "Values of the DirectFlow chart", **top, "definitions": _used(values, version)}


def oldest_version(chart: Path) -> str:
    """Kubernetes, as Chart.yaml's kubeVersion has it: `>=1.29.0-0`."""
    wanted: str = yaml.safe_load((chart / "Chart.yaml").read_text())["kubeVersion"]
    return wanted.removeprefix(">=").removesuffix("-0")


def _of(value: Value) -> dict[str, Any]:
    described = {"description": value.description} if value.description else {}
    if value.children:
        return described | _closed({child.path[-1]: _of(child) for child in value.children})
    kind = TYPES.get(type(value.default))
    if kind is None:
        raise CommentError(f"{value.name} has no default that tells its type")
    own = _linked(value.schema)
    if "$ref" in own:
        return described | own
    if kind == "array" and "items" not in own:
        raise CommentError(f"{value.name} is a list: say what is in it, after `# @schema`")
    if kind == "object" and "additionalProperties" not in own:
        raise CommentError(f"{value.name} is a mapping: say what is in it, after `# @schema`")
    return described | {"type": kind} | own


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _linked(written: Any) -> Any:
    """`{"$ref": "k8s:Toleration"}` as a reference within the schema."""
    if isinstance(written, list):
        return [_linked(item) for item in written]
    if not isinstance(written, dict):
        return written
    if "$ref" in written:
        return {"$ref": f"#/definitions/{written['$ref'].replace(':', '.')}"}
    return {key: _linked(value) for key, value in written.items()}


def _used(values: tuple[Value, ...], version: str) -> Definitions:
    names = {name for value in values for leaf in value.leaves() for name in _references(leaf.schema)}
    of_kubernetes = {name for name in names if name.startswith(kubernetes.PREFIX)}
    if unknown := names - of_kubernetes - settings.KNOWN:
        raise CommentError(f"`@schema` refers to {', '.join(sorted(unknown))}, which nobody knows")
    found = kubernetes.definitions(of_kubernetes, version) | settings.definitions(names - of_kubernetes)
    return dict(sorted(found.items()))


def _references(written: Any) -> list[str]:
    if isinstance(written, list):
        return [name for item in written for name in _references(item)]
    if not isinstance(written, dict):
        return []
    own = [written["$ref"]] if "$ref" in written else []
    return own + [name for value in written.values() for name in _references(value)]
