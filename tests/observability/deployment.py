"""What stands in deploy/observability and in the runbook, read once for the tests of this folder."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from directflow_runtime.metrics import names

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENT = ROOT / "deploy" / "observability"
ALERTS = DEPLOYMENT / "prometheus" / "alerts.yaml"
DASHBOARDS = DEPLOYMENT / "grafana"
RUNBOOK = ROOT / "docs" / "runbook.md"

_SELECTOR = re.compile(r"\b((?:directflow|rpc)_[a-z0-9_]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'([a-z_]+)\s*(?:=~|!~|!=|=)\s*"')
_GROUPING = re.compile(r"\b(?:by|on|ignoring|group_left)\s*\(([^)]*)\)")
OF_PROMETHEUS = frozenset({"namespace", "job", "instance", "le"})
"""Labels that a series has from whoever collects it, or from being a histogram."""


@cache
def rules() -> list[dict[str, Any]]:
    """All alerts."""
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


@cache
def exported() -> dict[str, frozenset[str]]:
    """The series that the services export, as Prometheus spells them, with their labels."""
    series: dict[str, frozenset[str]] = {}
    for named in names.ALL:
        labels = frozenset(label.replace(".", "_") for label in named.labels)
        endings = ("_bucket", "_sum", "_count") if isinstance(named, names.HistogramNamed) else ("",)
        series |= {named.prometheus + ending: labels | OF_PROMETHEUS for ending in endings}
    return series


def strangers(expression: str) -> list[str]:
    """Metrics of an expression that nobody exports, and labels that none of its metrics has."""
    used = _SELECTOR.findall(_GROUPING.sub("", expression))
    found = [name for name, _ in used if name not in exported()]
    found += [
        f"{name}{{{label}}}"
        for name, matchers in used
        for label in _MATCHER.findall(matchers)
        if label not in exported().get(name, {label})
    ]
    known = OF_PROMETHEUS.union(*(exported().get(name, frozenset()) for name, _ in used))
    grouped = [label.strip() for labels in _GROUPING.findall(expression) for label in labels.split(",")]
    return found + [f"by ({label})" for label in grouped if label and label not in known]


def metrics_of(expression: str) -> set[str]:
    """The metrics that an expression asks for."""
    return {name for name, _ in _SELECTOR.findall(_GROUPING.sub("", expression))}


def headings(page: Path) -> list[str]:
    """The headings of a Markdown page, without those of its code blocks."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-")
