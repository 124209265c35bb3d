"""Brings what is saved to what the files say: all of it checked first, then written in order, each under its etag."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from directflow_runtime.errors import DirectFlowError

from directflow_cli.commands.exit_codes import ExitCode, exit_code_of
from directflow_cli.definitions.checking import check, missing, needs_new, refused
from directflow_cli.definitions.kinds import CONNECTION
from directflow_cli.definitions.manifests import Manifest
from directflow_cli.definitions.ordering import cycles, in_order
from directflow_cli.definitions.places import Finding, Level
from directflow_cli.definitions.problems import report_findings
from directflow_cli.definitions.registry import Registry
from directflow_cli.definitions.steps import Action, Outcome, Step, steps_for


@dataclass(slots=True)
class Applied:
    """What an apply did, or would do."""

    steps: list[Step]
    """In the order of writing."""
    dry_run: bool = False
    findings: list[Finding] = field(default_factory=list)
    """About the set as a whole; each step has its own beside them."""

    @property
    def all_findings(self) -> list[Finding]:
        """Everything that there is to say."""
        return [*self.findings, *(finding for step in self.steps for finding in step.findings)]

    @property
    def exit_code(self) -> ExitCode:
        """A definition that is wrong comes before a dependency that is away, and that before a conflict."""
        if any(finding.level is Level.ERROR for finding in self.all_findings):
            return ExitCode.INVALID
        codes = [
            ExitCode.CHANGED if step.outcome is Outcome.CONFLICT else exit_code_of(step.error.code, step.error.reason)
            for step in self.steps
            if step.error is not None
        ]
        return min(codes, key=lambda code: code is ExitCode.CHANGED, default=ExitCode.OK)


async def apply(
    manifests: Sequence[Manifest], registry: Registry, *, dry_run: bool = False, check_all: bool = False
) -> Applied:
    """Applies a set. `check_all`: what is unchanged is checked as well.

    Raises DirectFlowError where it cannot be read what is saved; nothing is written then.
    """
    if circular := cycles(manifests):
        return Applied([Step(manifest, None, Action.CREATE) for manifest in manifests], dry_run, circular)
    applied = Applied(in_order(await steps_for(manifests, registry)), dry_run)
    applied.findings += await missing(manifests, registry)
    changes = [step for step in applied.steps if check_all or step.action is not Action.NOTHING]
    await _check_early(changes, applied, registry)
    if dry_run:
        return applied
    if applied.exit_code is not ExitCode.OK:
        _hold_back(changes)
        return applied
    await _write([step for step in changes if step.manifest.kind is CONNECTION], applied, registry)
    rest = [step for step in changes if step.manifest.kind is not CONNECTION]
    late = [step for step in rest if not step.checked and not _waits(step, applied, without_connections=True)]
    connections = [step for step in applied.steps if step.manifest.kind is CONNECTION]
    await check([step for step in late if not _blocked(step, connections)], registry)
    if any(step.broken for step in rest):
        _hold_back(rest)
    else:
        await _write(rest, applied, registry)
    return applied


def _hold_back(steps: Iterable[Step]) -> None:
    for step in steps:
        if step.action is not Action.NOTHING and step.outcome is not Outcome.CONFLICT:
            step.reason = "" if step.broken else "held back: all of it is right before any of it is written"


async def _check_early(changes: Iterable[Step], applied: Applied, registry: Registry) -> None:
    """Checks what can be checked before anything is written, and says what is left."""
    early = []
    lost = {finding.resource for finding in applied.findings}
    for step in changes:
        step.reason = _waits(step, applied)
        if not step.reason and step.name not in lost:
            early.append(step)
    await check(early, registry)


def _waits(step: Step, applied: Applied, *, without_connections: bool = False) -> str:
    """Why a definition cannot be checked yet; empty where it can."""
    steps = {other.name: other for other in applied.steps}
    if without_connections:
        steps = {name: other for name, other in steps.items() if other.manifest.kind is not CONNECTION}
    if new := needs_new(step, steps):
        return f"checked when it is written: it uses the {steps[new].manifest.label}, which is new"
    changed = [used for used in step.uses if used in steps and steps[used].action is Action.UPDATE]
    connections = [used for used in changed if steps[used].manifest.kind is CONNECTION]
    # A dry run asks the saved connection: it is the only one there is.
    if connections and not applied.dry_run:
        return f"checked when the {steps[connections[0]].manifest.label} is written"
    return ""


async def _write(steps: Iterable[Step], applied: Applied, registry: Registry) -> None:
    """Writes one after the other. A conflict holds up its users; a service that is away holds up everything."""
    for step in steps:
        if step.action is Action.NOTHING:
            continue
        if stop := _stopped(applied.steps):
            step.reason = f"not tried after the {stop.manifest.label}"
        elif blocker := _blocked(step, applied.steps):
            step.reason = f"it uses the {blocker.manifest.label}, which was not written"
        else:
            await _write_one(step, registry)


async def _write_one(step: Step, registry: Registry) -> None:
    try:
        saved = await registry.save(step.manifest.message, step.saved)
    except DirectFlowError as error:
        _failed(step, error)
        return
    step.reason, step.revision = "", saved.revision
    step.outcome = Outcome.CREATED if step.action is Action.CREATE else Outcome.UPDATED
    if step.saved is not None and step.saved.revision == saved.revision:
        step.outcome = Outcome.UNCHANGED
    if not step.checked:
        step.findings += report_findings(step.manifest, saved.validation_report)


def _failed(step: Step, error: DirectFlowError) -> None:
    step.outcome, step.reason = Outcome.FAILED, error.message
    refused(step, error, "written")


def _stopped(steps: Iterable[Step]) -> Step | None:
    return next((step for step in steps if step.error is not None and step.outcome is Outcome.FAILED), None)


def _blocked(step: Step, steps: Iterable[Step]) -> Step | None:
    unwritten = {other.name: other for other in steps if _is_missing(other)}
    return next((unwritten[used] for used in sorted(step.uses) if used in unwritten), None)


def _is_missing(step: Step) -> bool:
    return step.outcome in (Outcome.CONFLICT, Outcome.FAILED, Outcome.NOT_WRITTEN)
