"""`directflow delete|rollback`: changes that need no file."""

import sys
from typing import Annotated, Final

import typer
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_cli.commands.definition_files import DryRun
from directflow_cli.commands.definition_session import (
    CallTimeout,
    ResourceId,
    kind_argument,
    name_argument,
    targets,
    with_registry,
    workspace_of,
)
from directflow_cli.commands.definition_session import KindName as Kind
from directflow_cli.commands.endpoints import workspace_hint
from directflow_cli.commands.exit_codes import ExitCode, exit_code_of
from directflow_cli.commands.failures import lines_of
from directflow_cli.commands.options import ConditionsEndpoint, GatewayEndpoint, SegmentsEndpoint, Workspace
from directflow_cli.commands.session import tell
from directflow_cli.definitions.differences import unified
from directflow_cli.definitions.files import sources
from directflow_cli.definitions.finding_text import finding_lines
from directflow_cli.definitions.kinds import kind_of
from directflow_cli.definitions.manifests import read_all
from directflow_cli.definitions.ordering import in_order
from directflow_cli.definitions.references import short
from directflow_cli.definitions.registry import Registry
from directflow_cli.definitions.steps import Action, Step
from directflow_cli.definitions.writing import yaml_of

TIMEOUT_S: Final = 60.0


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command("delete")(delete)
    app.command("rollback")(rollback)


def delete(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help="connection, data-source or condition.")] = "",
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Id, or full resource name.")] = "",
    file: Annotated[
        list[str], typer.Option("-f", "--file", metavar="FILE|DIR|-", help="What these files define.")
    ] = [],  # noqa: B006 - typer copies it
    dry_run: DryRun = False,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    segments: SegmentsEndpoint = "",
    conditions: ConditionsEndpoint = "",
    timeout: CallTimeout = TIMEOUT_S,
) -> None:
    """Deletes one definition, or what files define: users before what they use. What is gone already is no error.

    Its revisions stay, and `rollback` brings it back. Exit code 4: something still uses it.

    Example: directflow delete condition is_premium
    """
    if bool(kind and name) == bool(file) or (kind and not name):
        raise typer.BadParameter("give KIND and NAME, or -f")
    if file:
        names = _defined(file, workspace_hint(workspace))
        found = targets((gateway, segments, conditions), workspace, {kind_of(one): None for one in names})
    else:
        found = targets((gateway, segments, conditions), workspace, [kind_argument(kind)])
        names = [name_argument(kind_argument(kind), name, workspace_of(found))]

    async def work(registry: Registry) -> ExitCode:
        codes = [await _delete(registry, one, dry_run=dry_run, may_be_gone=bool(file)) for one in names]
        return max(codes)

    with_registry(found, "delete", timeout, work)


def rollback(
    kind: Kind,
    name: ResourceId,
    to: Annotated[int, typer.Option("--to", min=1, help="The revision to make the newest.", metavar="REVISION")],
    dry_run: DryRun = False,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    segments: SegmentsEndpoint = "",
    conditions: ConditionsEndpoint = "",
    timeout: CallTimeout = TIMEOUT_S,
) -> None:
    """Makes an old revision the newest, after the same checks as any save, and shows what that changes.

    Example: directflow rollback data-source communities --to 3
    """
    wanted = kind_argument(kind)
    found = targets((gateway, segments, conditions), workspace, [wanted])
    full = name_argument(wanted, name, workspace_of(found))

    async def work(registry: Registry) -> ExitCode:
        before = await registry.find(full)
        etag = before.etag if before is not None else ""
        after = await registry.rollback(full, to, etag, validate_only=dry_run)
        after.name = full
        old = yaml_of(before) if before is not None else ""
        old_label = f"{short(full)} (revision {before.revision})" if before is not None else "/dev/null"
        sys.stdout.write(unified(old, yaml_of(after), old_label, f"{short(full)} (revision {to})"))
        wrong = [one for one in after.validation_report.problems if one.severity == sql_pb2.SEVERITY_ERROR]
        if wrong:  # only a dry run gets here: a save would have been refused
            tell("\n".join(f"error: {one.message} [{one.rule}] in {one.field}" for one in wrong))
            return ExitCode.INVALID
        done = "would be" if dry_run else f"revision {after.revision} is"
        sys.stdout.write(f"{wanted.title} {short(full)}: {done} what revision {to} was\n")
        return ExitCode.OK

    with_registry(found, "rollback", timeout, work)


def _defined(files: list[str], workspace: str) -> list[str]:
    """Names of what the files define, users first. Ends the process with INVALID where they cannot be read."""
    found = read_all(sources(files), workspace)
    if found.findings:
        tell("\n".join(finding_lines(found.findings)))
        raise typer.Exit(ExitCode.INVALID)
    steps = in_order(Step(manifest, None, Action.NOTHING) for manifest in found.manifests)
    return [step.name for step in reversed(steps)]


async def _delete(registry: Registry, name: str, *, dry_run: bool, may_be_gone: bool) -> ExitCode:
    label = f"{kind_of(name).title} {short(name)}"
    try:
        await registry.delete(name, validate_only=dry_run)
    except DirectFlowError as error:
        if error.code is StatusCode.NOT_FOUND and may_be_gone:
            sys.stdout.write(f"{label}  not there\n")
            return ExitCode.OK
        tell("\n".join([f"{label}  not deleted", *lines_of(error)]))
        return exit_code_of(error.code, error.reason)
    sys.stdout.write(f"{label}  {'to be deleted' if dry_run else 'deleted'}\n")
    return ExitCode.OK
