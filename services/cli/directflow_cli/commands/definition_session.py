"""What the commands for definitions share: the services that keep them, arguments, and the end of a command."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, NoReturn

import typer

from directflow_cli.commands.endpoints import Service, Target, find
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.names import WORKSPACE_NEEDED
from directflow_cli.commands.session import conversations, end_with
from directflow_cli.definitions.kinds import KINDS, Kind, kind_from
from directflow_cli.definitions.notes import listed, shortened
from directflow_cli.definitions.references import ID, ID_RULE
from directflow_cli.definitions.registry import Registry

KindName = Annotated[str, typer.Argument(metavar="KIND", help="connection, data-source or condition.")]
ResourceId = Annotated[str, typer.Argument(metavar="NAME", help="Id, or full resource name.")]
Files = Annotated[
    list[str],
    typer.Option(
        "-f", "--file", metavar="FILE|DIR|-", help="Definitions: YAML or JSON. Repeat it.", show_default=False
    ),
]
CallTimeout = Annotated[float, typer.Option("--timeout", min=0.001, help="Seconds that one call may take.")]

Work = Callable[[Registry], Awaitable[ExitCode]]
Endpoints = tuple[str, str, str]
"""--gateway, --segments and --conditions as they were given."""


def targets(endpoints: Endpoints, workspace: str, kinds: Iterable[Kind] = KINDS) -> dict[Service, Target]:
    """The services that keep these kinds."""
    by_service: dict[Service, str] = dict(zip(("gateway", "segments", "conditions"), endpoints, strict=True))
    return {kind.service: find(kind.service, by_service[kind.service], workspace) for kind in kinds}


def with_registry(found: dict[Service, Target], command: str, timeout: float, work: Work) -> NoReturn:
    """Runs `work` with the services, and ends the process with its code."""
    end_with(lambda: conversations(found, command, lambda channels: work(Registry(channels, timeout))))


def workspace_of(found: dict[Service, Target]) -> str:
    """The workspace's id. BadParameter where nobody named one."""
    workspace = next(iter(found.values())).workspace
    if not workspace:
        raise typer.BadParameter(WORKSPACE_NEEDED)
    return workspace


def kind_argument(text: str) -> Kind:
    """BadParameter where there is no such kind."""
    kind = kind_from(text)
    if kind is None:
        raise typer.BadParameter(f"there is no kind {text}: {listed(kind.title for kind in KINDS)}")
    return kind


def name_argument(kind: Kind, given: str, workspace: str) -> str:
    """The full name of a resource. BadParameter where it cannot be one."""
    if given.startswith(f"workspaces/{workspace}/{kind.collection}/"):
        given = given.rpartition("/")[2]
    elif given.startswith("workspaces/"):
        raise typer.BadParameter(f"{shortened(given)} is no {kind.title} of the workspace {workspace}")
    if not ID.match(given):
        raise typer.BadParameter(f"{shortened(given)!r} is no id: {ID_RULE}")
    return kind.full_name(workspace, given)
