"""`directflow connection test|confirm`: does a connection work, and may its credential be sent there?"""

import sys
from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer
from directflow.gateway.v1 import connection_service_pb2 as wire

from directflow_cli.commands.definition_session import (
    CallTimeout,
    name_argument,
    targets,
    with_registry,
    workspace_of,
)
from directflow_cli.commands.endpoints import workspace_hint
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.options import GatewayEndpoint, Output, OutputFormat, Workspace
from directflow_cli.commands.output import write_json, write_json_line
from directflow_cli.commands.printable import printable
from directflow_cli.commands.session import tell
from directflow_cli.definitions.files import sources
from directflow_cli.definitions.finding_text import finding_lines
from directflow_cli.definitions.kinds import CONNECTION
from directflow_cli.definitions.manifests import read_all
from directflow_cli.definitions.references import short
from directflow_cli.definitions.registry import Registry

TIMEOUT_S: Final = 60.0
SIGNS: Final = {
    wire.STEP_OUTCOME_OK: "✓",
    wire.STEP_OUTCOME_WARNING: "!",
    wire.STEP_OUTCOME_FAILED: "✗",
    wire.STEP_OUTCOME_SKIPPED: "-",
}


def register(app: typer.Typer) -> None:
    """Adds the group to the command line."""
    group = typer.Typer(help="Connections to customers' databases.", no_args_is_help=True)
    group.command("test")(try_out)
    group.command("confirm")(confirm)
    app.add_typer(group, name="connection")


def try_out(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="A saved connection.", show_default=False)] = "",
    file: Annotated[str, typer.Option("-f", "--file", metavar="FILE|-", help="One that need not be saved.")] = "",
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    timeout: CallTimeout = TIMEOUT_S,
) -> None:
    """Tries a connection step by step, and says what is wrong and the SQL that mends it.

    Exit code 1: a step failed.

    Example: directflow connection test customer
    """
    if bool(name) == bool(file):
        raise typer.BadParameter("give a NAME, or -f")
    found = targets((gateway, "", ""), workspace, [CONNECTION])
    request = (
        wire.TestConnectionRequest(connection=_connection(file, workspace_hint(workspace)))
        if file
        else wire.TestConnectionRequest(name=name_argument(CONNECTION, name, workspace_of(found)))
    )

    async def work(registry: Registry) -> ExitCode:
        response = await registry.test_connection(request)
        if output is OutputFormat.TABLE:
            sys.stdout.write("\n".join(_lines(response)) + "\n")
        else:
            (write_json if output is OutputFormat.JSON else write_json_line)(_record(response))
        failed = any(step.outcome == wire.STEP_OUTCOME_FAILED for step in response.steps)
        return ExitCode.NEGATIVE if failed else ExitCode.OK

    with_registry(found, "connection test", timeout, work)


def confirm(
    name: Annotated[str, typer.Argument(help="Id, or full resource name.")],
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    timeout: CallTimeout = TIMEOUT_S,
) -> None:
    """Confirms that the connection's credential may be sent to its present host, port and user.

    Example: directflow connection confirm customer
    """
    found = targets((gateway, "", ""), workspace, [CONNECTION])
    full = name_argument(CONNECTION, name, workspace_of(found))

    async def work(registry: Registry) -> ExitCode:
        seen = await registry.get(full)
        await registry.confirm_credential(wire.ConfirmCredentialRequest(name=full, etag=seen.etag))
        port = seen.port or 5432
        sys.stdout.write(
            f"connection {short(full)}: its credential may be sent to {printable(seen.user)}@{printable(seen.host)}"
            f":{port}\n"
        )
        return ExitCode.OK

    with_registry(found, "connection confirm", timeout, work)


def _connection(file: str, workspace: str) -> Any:
    found = read_all(sources([file]), workspace)
    if found.findings:
        tell("\n".join(finding_lines(found.findings)))
        raise typer.Exit(ExitCode.INVALID)
    connections = [manifest.message for manifest in found.manifests if manifest.kind is CONNECTION]
    if len(connections) != 1:
        raise typer.BadParameter(f"{file} has {len(connections)} connections: one is tested at a time")
    return connections[0]


def _lines(response: Any) -> Iterator[str]:
    for step in response.steps:
        yield f"{SIGNS.get(step.outcome, '?')} {step.step:<13} {printable(step.message)}"
        if step.advice:
            yield f"{'':16}{printable(step.advice)}"
        yield from (f"{'':18}{printable(line)}" for line in step.mending_sql.splitlines())
    if response.server_version:
        role = "a read replica" if response.replica else "a primary"
        yield f"PostgreSQL {printable(response.server_version)}, {role}, {_milliseconds(response):.1f} ms a round trip"


def _record(response: Any) -> dict[str, Any]:
    return {
        "steps": [
            {
                "step": step.step,
                "outcome": wire.StepOutcome.Name(step.outcome).removeprefix("STEP_OUTCOME_").lower(),
                "message": step.message,
                "advice": step.advice or None,
                "mending_sql": step.mending_sql or None,
            }
            for step in response.steps
        ],
        "server_version": response.server_version or None,
        "replica": response.replica,
        "round_trip_ms": _milliseconds(response) if response.HasField("round_trip") else None,
    }


def _milliseconds(response: Any) -> float:
    return float(response.round_trip.ToNanoseconds() / 1e6)
