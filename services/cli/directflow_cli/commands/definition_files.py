"""`directflow apply|diff|validate`: what files say, against what is saved."""

import sys
from typing import Annotated, NoReturn

import typer

from directflow_cli.commands import definition_output
from directflow_cli.commands.definition_session import CallTimeout, Endpoints, Files, targets, with_registry
from directflow_cli.commands.endpoints import workspace_hint
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.options import (
    ConditionsEndpoint,
    GatewayEndpoint,
    Output,
    OutputFormat,
    SegmentsEndpoint,
    Workspace,
)
from directflow_cli.commands.session import tell
from directflow_cli.definitions.applying import apply as apply_all
from directflow_cli.definitions.differences import difference
from directflow_cli.definitions.files import sources
from directflow_cli.definitions.finding_text import finding_lines
from directflow_cli.definitions.manifests import Manifest, read_all
from directflow_cli.definitions.ordering import cycles
from directflow_cli.definitions.registry import Registry
from directflow_cli.definitions.steps import steps_for

DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")]
TIMEOUT_S = 60.0


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command("apply")(apply)
    app.command("diff")(diff)
    app.command("validate")(validate)


def apply(
    file: Files,
    dry_run: DryRun = False,
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    segments: SegmentsEndpoint = "",
    conditions: ConditionsEndpoint = "",
    timeout: CallTimeout = TIMEOUT_S,
) -> None:
    """Brings what is saved to what the files say.

    Connections first; then everything else is checked together before any of it is written. Exit code 4: a definition
    is wrong; 9: somebody else saved meanwhile. A second run completes the first.

    Example: directflow apply -f definitions/
    """
    _apply(file, "apply", (gateway, segments, conditions), workspace, output, timeout, dry_run, False)


def validate(
    file: Files,
    offline: Annotated[bool, typer.Option(help="Read the files only; ask nobody.")] = False,
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    segments: SegmentsEndpoint = "",
    conditions: ConditionsEndpoint = "",
    timeout: CallTimeout = TIMEOUT_S,
) -> None:
    """Says everything that is wrong with the files, as a save would, and writes nothing.

    Exit code 4: there are errors; 5, 6 or 10: something that the check needs is away or does not go along.

    Example: directflow validate -f definitions/
    """
    endpoints = (gateway, segments, conditions)
    if offline:
        manifests = _manifests(file, workspace_hint(workspace) or "-", output)
        findings = cycles(manifests)
        definition_output.checked(output, len(manifests), findings)
        raise typer.Exit(ExitCode.INVALID if findings else ExitCode.OK)
    _apply(file, "validate", endpoints, workspace, output, timeout, True, True)


def diff(
    file: Files,
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    segments: SegmentsEndpoint = "",
    conditions: ConditionsEndpoint = "",
    timeout: CallTimeout = TIMEOUT_S,
) -> None:
    """Shows what applying the files would change. Exit code 1: something.

    Example: directflow diff -f definitions/
    """
    manifests = _manifests(file, workspace_hint(workspace), output)
    found = targets((gateway, segments, conditions), workspace, {manifest.kind: None for manifest in manifests})

    async def work(registry: Registry) -> ExitCode:
        differences = [difference(step) for step in await steps_for(manifests, registry)]
        return definition_output.differences(output, differences)

    with_registry(found, "diff", timeout, work)


def _apply(
    files: list[str], command: str, endpoints: Endpoints, workspace: str, output: OutputFormat, timeout: float,
    dry_run: bool, check_all: bool,
) -> NoReturn:  # fmt: skip
    manifests = _manifests(files, workspace_hint(workspace), output)
    found = targets(endpoints, workspace)

    async def work(registry: Registry) -> ExitCode:
        applied = await apply_all(manifests, registry, dry_run=dry_run, check_all=check_all)
        if command == "validate":
            definition_output.validated(output, applied)
        else:
            definition_output.applied(output, applied)
        return applied.exit_code

    with_registry(found, command, timeout, work)


def _manifests(files: list[str], workspace: str, output: OutputFormat) -> list[Manifest]:
    """The definitions of the files. Ends the process with INVALID where they cannot be read: nobody was asked then."""
    found = read_all(sources(files), workspace)
    if not found.findings:
        return found.manifests
    if output is OutputFormat.TABLE:
        tell("\n".join(finding_lines(found.findings)))
    else:
        definition_output.problems(output, found.findings)
    sys.stdout.flush()
    raise typer.Exit(ExitCode.INVALID)
