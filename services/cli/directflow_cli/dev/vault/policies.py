"""Which token may do what: Vault's policies in JSON (the stand-in reads no HCL), with `+` and a trailing `*`."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from directflow_cli.dev.vault.refusal import Refused

ROOT = "root"
DEFAULT = "default"
CAPABILITIES = frozenset({"create", "read", "update", "patch", "delete", "list", "sudo", "deny"})
DEFAULT_RULES: Mapping[str, frozenset[str]] = {
    # What Vault's own `default` policy grants, of the paths that are here.
    "auth/token/lookup-self": frozenset({"read"}),
    "auth/token/renew-self": frozenset({"update"}),
    "auth/token/revoke-self": frozenset({"update"}),
    "sys/renew": frozenset({"update"}),
    "sys/leases/renew": frozenset({"update"}),
    "sys/leases/lookup": frozenset({"update"}),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The text as it was written, and the capabilities by path."""

    text: str
    rules: Mapping[str, frozenset[str]]


def in_json(rules: Mapping[str, Iterable[str]]) -> str:
    """The text of a policy with these capabilities by path."""
    return json.dumps({"path": {path: {"capabilities": list(granted)} for path, granted in rules.items()}})


def parse(text: str) -> Policy:
    """Refused (400) for what is no policy in JSON."""
    try:
        paths = json.loads(text)["path"]
        rules = {path: _capabilities(rule) for path, rule in paths.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused(400, 'failed to parse policy: the stand-in takes JSON: {"path": {"secret/*": ...}}') from None
    return Policy(text, rules)


def allows(policies: Iterable[Policy], path: str, wanted: Iterable[str]) -> bool:
    """Whether these policies together grant one of the capabilities on the path."""
    granted = _granted(list(policies), path)
    return "deny" not in granted and any(capability in granted for capability in wanted)


def _granted(policies: list[Policy], path: str) -> frozenset[str]:
    """Only the most precise pattern counts; policies with the same pattern add up."""
    patterns = {pattern for policy in policies for pattern in policy.rules if _matches(pattern, path)}
    if not patterns:
        return frozenset()
    best = path if path in patterns else max(patterns, key=_precision)
    none: frozenset[str] = frozenset()
    return none.union(*(policy.rules.get(best, none) for policy in policies))


def _precision(pattern: str) -> tuple[object, ...]:
    """Vault's order: a later first wildcard, no `*` at the end, fewer `+`, longer, then the alphabet."""
    wildcards = [place for place in (pattern.find("+"), pattern.find("*")) if place >= 0]
    first = min(wildcards, default=len(pattern))
    return first, not pattern.endswith("*"), -pattern.count("+"), len(pattern), pattern


def _matches(pattern: str, path: str) -> bool:
    parts = ["[^/]+" if part == "+" else re.escape(part) for part in pattern.removesuffix("*").split("/")]
    end = ".*" if pattern.endswith("*") else ""
    return re.fullmatch("/".join(parts) + end, path) is not None


def _capabilities(rule: Mapping[str, Iterable[str]]) -> frozenset[str]:
    found = frozenset(rule["capabilities"])
    if not found <= CAPABILITIES:
        raise ValueError(found)
    return found
