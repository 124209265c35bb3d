"""What applying a file would change in one resource."""

import difflib
from dataclasses import dataclass

from directflow_cli.definitions.steps import Action, Step
from directflow_cli.definitions.writing import yaml_of


@dataclass(frozen=True, slots=True)
class Difference:
    """One resource; no text where nothing would change."""

    name: str
    label: str
    action: Action
    text: str
    """A unified diff of the definition as YAML. No secret is in any definition."""


def difference(step: Step) -> Difference:
    """Saved against file."""
    new = yaml_of(step.manifest.message)
    old = yaml_of(step.saved) if step.saved is not None else ""
    before = f"{step.manifest.label} (revision {step.saved.revision})" if step.saved is not None else "/dev/null"
    text = unified(old, new, before, step.manifest.place.source.name)
    return Difference(step.name, step.manifest.label, step.action, text)


def unified(old: str, new: str, before: str, after: str) -> str:
    """A unified diff; empty where the texts are the same."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), before, after, lineterm="")
    return "".join(f"{line}\n" for line in lines)
