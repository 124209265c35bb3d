"""`directflow get|list|describe|revisions|export`: what is saved."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_cli.commands import definition_description as description
from directflow_cli.commands.definition_session import (
    CallTimeout,
    KindName,
    ResourceId,
    kind_argument,
    name_argument,
    targets,
    with_registry,
    workspace_of,
)
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.options import (
    ConditionsEndpoint,
    GatewayEndpoint,
    Output,
    OutputFormat,
    SegmentsEndpoint,
    Workspace,
)
from directflow_cli.commands.output import write_json, write_json_line, write_records
from directflow_cli.commands.session import tell
from directflow_cli.definitions.kinds import KINDS, Kind
from directflow_cli.definitions.references import short
from directflow_cli.definitions.registry import Registry
from directflow_cli.definitions.writing import document_of, yaml_of

TIMEOUT_S: Final = 30.0
FOLDERS: Final = {"Connection": "connections", "DataSource": "data-sources", "Condition": "conditions"}
MAX_REVISIONS: Final = 10_000
REVISION_COLUMNS: Final = ("revision", "saved", "author", "what")


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command("get")(get)
    app.command("list")(list_resources)
    app.command("describe")(describe)
    app.command("revisions")(revisions)
    app.command("export")(export)


def get(
    kind: KindName,
    name: ResourceId,
    revision: Annotated[int, typer.Option(min=0, help="An older revision.", show_default=False)] = 0,
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    segments: SegmentsEndpoint = "",
    conditions: ConditionsEndpoint = "",
    timeout: CallTimeout = TIMEOUT_S,
) -> None:
    """Prints a definition as a file that `apply` takes: YAML, or JSON.

    Example: directflow get data-source communities
    """
    wanted = kind_argument(kind)
    found = targets((gateway, segments, conditions), workspace, [wanted])
    full = name_argument(wanted, name, workspace_of(found))

    async def work(registry: Registry) -> ExitCode:
        resource = await _revision(registry, wanted, full, revision) if revision else await registry.get(full)
        _write(output, document_of(resource), yaml_of(resource))
        return ExitCode.OK

    with_registry(found, "get", timeout, work)


def list_resources(
    kind: KindName,
    filter: Annotated[str, typer.Option(help="Only those whose id contains this text.")] = "",
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    segments: SegmentsEndpoint = "",
    conditions: ConditionsEndpoint = "",
    timeout: CallTimeout = TIMEOUT_S,
) -> None:
    """Lists the definitions of one kind by name.

    Example: directflow list conditions --filter premium
    """
    wanted = kind_argument(kind)
    found = targets((gateway, segments, conditions), workspace, [wanted])
    where = workspace_of(found)

    async def work(registry: Registry) -> ExitCode:
        records = [description.row(resource) async for resource in registry.under(wanted, where, filter)]
        write_records(output, records, description.columns(wanted))
        return ExitCode.OK

    with_registry(found, "list", timeout, work)


def describe(
    kind: KindName,
    name: ResourceId,
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    segments: SegmentsEndpoint = "",
    conditions: ConditionsEndpoint = "",
    timeout: CallTimeout = TIMEOUT_S,
) -> None:
    """Shows everything that is known of a definition: itself, what checking it said, who saved it when.

    Example: directflow describe data-source communities
    """
    wanted = kind_argument(kind)
    found = targets((gateway, segments, conditions), workspace, [wanted])
    full = name_argument(wanted, name, workspace_of(found))

    async def work(registry: Registry) -> ExitCode:
        resource = await registry.get(full)
        history = await _history(registry, full)
        if output is OutputFormat.TABLE:
            sys.stdout.write("\n".join(description.lines(resource, history)) + "\n")
        else:
            _write(output, description.record(resource, history), "")
        return ExitCode.OK

    with_registry(found, "describe", timeout, work)


def revisions(
    kind: KindName,
    name: ResourceId,
    limit: Annotated[int, typer.Option(min=1, help="Most revisions.")] = 100,
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    segments: SegmentsEndpoint = "",
    conditions: ConditionsEndpoint = "",
    timeout: CallTimeout = TIMEOUT_S,
) -> None:
    """Lists what was saved under a name: who, when and what, newest first.

    Example: directflow revisions condition is_premium
    """
    wanted = kind_argument(kind)
    found = targets((gateway, segments, conditions), workspace, [wanted])
    full = name_argument(wanted, name, workspace_of(found))

    async def work(registry: Registry) -> ExitCode:
        saved = await registry.revisions(full, limit)
        write_records(output, description.revision_rows(saved), REVISION_COLUMNS)
        return ExitCode.OK

    with_registry(found, "revisions", timeout, work)


def export(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help="Default: all kinds.", show_default=False)] = "",
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Default: all of them.", show_default=False)] = "",
    directory: Annotated[
        Path | None, typer.Option("-o", "--directory", help="Write a file each here.", show_default=False)
    ] = None,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    segments: SegmentsEndpoint = "",
    conditions: ConditionsEndpoint = "",
    timeout: CallTimeout = TIMEOUT_S,
) -> None:
    """Prints definitions as files that `apply` takes, and that change nothing where they came from.

    Example: directflow export -o definitions/
    """
    kinds = [kind_argument(kind)] if kind else list(KINDS)
    found = targets((gateway, segments, conditions), workspace, kinds)
    where = workspace_of(found)
    full = name_argument(kinds[0], name, where) if name else ""

    async def work(registry: Registry) -> ExitCode:
        resources = [await registry.get(full)] if full else [
            resource for one in kinds async for resource in registry.under(one, where)
        ]  # fmt: skip
        if directory is None:
            sys.stdout.write("---\n".join(map(yaml_of, resources)))
        else:
            _write_files(directory, resources)
        return ExitCode.OK

    with_registry(found, "export", timeout, work)


def _write(output: OutputFormat, document: dict[str, Any], text: str) -> None:
    match output:
        case OutputFormat.TABLE:
            sys.stdout.write(text)
        case OutputFormat.JSON:
            write_json(document)
        case OutputFormat.JSONL:
            write_json_line(document)


def _write_files(directory: Path, resources: list[Any]) -> None:
    for resource in resources:
        file = directory / FOLDERS[type(resource).__name__] / f"{short(resource.name)}.yaml"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(yaml_of(resource), newline="")
        except OSError as problem:
            raise typer.BadParameter(f"{file} cannot be written: {problem.strerror}") from None
        typer.echo(str(file))


async def _revision(registry: Registry, kind: Kind, name: str, revision: int) -> Any:
    for saved in await registry.revisions(name, MAX_REVISIONS):
        if saved.revision == revision and not saved.deleted:
            resource = getattr(saved, kind.field)
            resource.name = name
            return resource
    raise DirectFlowError(StatusCode.NOT_FOUND, "", f"{name} has no revision {revision} that can be shown")


async def _history(registry: Registry, name: str) -> list[Any]:
    """The newest revisions; none where they cannot be told, since the definition itself is known."""
    try:
        return await registry.revisions(name, description.SHOWN_REVISIONS + 1)
    except DirectFlowError as error:
        tell(f"its revisions cannot be told: {error.message}")
        return []
