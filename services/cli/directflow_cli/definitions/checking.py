"""Checks definitions together, as a save would, without saving."""

from collections.abc import Iterable, Mapping
from typing import Final

from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_cli.definitions.kinds import kind_of
from directflow_cli.definitions.manifests import Manifest
from directflow_cli.definitions.notes import did_you_mean
from directflow_cli.definitions.places import Finding, Level
from directflow_cli.definitions.problems import WRONG, error_findings, reference_places, report_findings
from directflow_cli.definitions.references import referenced, short
from directflow_cli.definitions.registry import Registry, each
from directflow_cli.definitions.steps import Action, Outcome, Step

CONFLICTS: Final = frozenset({"ETAG_MISMATCH", "ALREADY_EXISTS"})
_THEIRS: Final = "somebody saved it since it was read; theirs stays: look at `directflow diff`, then apply again"
_GONE: Final = "somebody deleted it since it was read: apply again to create it"
_CONFIRM: Final = "see with `directflow connection test` where it points, then `directflow connection confirm`"
_CANNOT_TELL: Final = frozenset({StatusCode.PERMISSION_DENIED, StatusCode.UNIMPLEMENTED})


async def check(steps: Iterable[Step], registry: Registry) -> None:
    """Asks the services about each, and keeps what they say with it."""

    async def one(step: Step) -> None:
        try:
            accepted = await registry.save(step.manifest.message, step.saved, validate_only=True)
        except DirectFlowError as error:
            refused(step, error)
        else:
            step.findings += report_findings(step.manifest, accepted.validation_report)
        step.checked = True

    await each(steps, one)


def refused(step: Step, error: DirectFlowError, done: str = "checked") -> None:
    """Tells a definition that is wrong from one that could not be checked, or written."""
    if error.reason in WRONG or error.problems:
        step.findings += error_findings(step.manifest, error)
        return
    step.error = error
    if error.reason in CONFLICTS:
        step.outcome, step.reason = Outcome.CONFLICT, _THEIRS
    elif error.code is StatusCode.NOT_FOUND and step.saved is not None:
        step.outcome, step.reason = Outcome.CONFLICT, _GONE
    else:
        message = f"the {step.manifest.label} could not be {done}: {error.message}"
        # Behind segments and conditions the gateway knows best.
        rule = error.metadata.get("gateway_reason") or error.reason or error.code.name
        hint = _CONFIRM if rule == "CREDENTIAL_UNBOUND" else ""
        finding = Finding(message, step.manifest.place, Level.UNCHECKED, rule, hint, step.name)
        step.findings.append(finding)


async def missing(manifests: Iterable[Manifest], registry: Registry) -> list[Finding]:
    """Names of definitions that are neither in the files nor saved, wherever the files use them."""
    known = {manifest.name: manifest for manifest in manifests}
    users = {name: manifest for manifest in known.values() for name in referenced(manifest.message)}
    strangers = [name for name in users if name not in known]
    absent = {name for name, there in zip(strangers, await _exist(strangers, registry), strict=True) if not there}
    return [
        _missing(name, manifest, known)
        for manifest in known.values()
        for name in dict.fromkeys(referenced(manifest.message))
        if name in absent
    ]


async def _exist(names: Iterable[str], registry: Registry) -> list[bool]:
    async def one(name: str) -> bool:
        try:
            return await registry.find(name) is not None
        except DirectFlowError as error:
            if error.code in _CANNOT_TELL:
                return True
            raise

    return await each(names, one)


def _missing(name: str, manifest: Manifest, known: Mapping[str, Manifest]) -> Finding:
    kind = kind_of(name)
    at = next(reference_places(manifest, name), manifest.place)
    alike = [short(other) for other in known if kind_of(other) is kind]
    hint = did_you_mean(short(name), alike) if alike else f"directflow list {kind.title} shows those that are saved"
    message = f"there is no {kind.title} {short(name)}, neither saved nor in these files"
    return Finding(message, at, rule="REFERENCE_NOT_FOUND", hint=hint, resource=manifest.name)


def needs_new(step: Step, steps: Mapping[str, Step]) -> str:
    """A definition that does not exist before it is written, and that the check of this one needs; empty for none."""
    created = [used for used in sorted(step.uses) if used in steps and steps[used].action is Action.CREATE]
    return created[0] if created else ""
