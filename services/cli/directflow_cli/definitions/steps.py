"""What is to be done with each definition of a set, and what became of it."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from directflow_runtime.errors import DirectFlowError

from directflow_cli.definitions.defaults import definition_of
from directflow_cli.definitions.manifests import Manifest
from directflow_cli.definitions.places import Finding, Level
from directflow_cli.definitions.references import referenced
from directflow_cli.definitions.registry import Registry, each


class Action(enum.StrEnum):
    """What a definition needs."""

    CREATE = "create"
    UPDATE = "update"
    NOTHING = "unchanged"


class Outcome(enum.StrEnum):
    """What became of it."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    """Somebody else saved it since it was read; theirs stays."""
    FAILED = "failed"
    NOT_WRITTEN = "not written"


@dataclass(slots=True)
class Step:
    """One definition on its way."""

    manifest: Manifest
    saved: Any | None
    """As it was read before; None where there was none."""
    action: Action
    outcome: Outcome = Outcome.NOT_WRITTEN
    revision: int = 0
    reason: str = ""
    """Why it was not written, or what its check was left to."""
    findings: list[Finding] = field(default_factory=list)
    error: DirectFlowError | None = None
    """What kept it from being checked or written, where that is not about the definition."""
    checked: bool = False

    @property
    def name(self) -> str:
        """The resource name."""
        return self.manifest.name

    @property
    def uses(self) -> set[str]:
        """Full names of what it refers to."""
        return set(referenced(self.manifest.message))

    @property
    def broken(self) -> bool:
        """Whether its check said no, or said nothing."""
        return self.error is not None or any(finding.level is not Level.WARNING for finding in self.findings)


async def steps_for(manifests: Iterable[Manifest], registry: Registry) -> list[Step]:
    """Compares the files with what is saved."""

    async def compared(manifest: Manifest) -> Step:
        saved = await registry.find(manifest.name)
        if saved is None:
            return Step(manifest, None, Action.CREATE)
        if definition_of(saved) == definition_of(manifest.message):
            return Step(manifest, saved, Action.NOTHING, Outcome.UNCHANGED, saved.revision)
        return Step(manifest, saved, Action.UPDATE)

    return await each(manifests, compared)
