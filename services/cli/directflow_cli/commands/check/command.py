"""`directflow query check`: the options, one run, and what is printed of it."""

import asyncio
import sys
import time
from collections.abc import Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from directflow_runtime.settings import ChannelSettings, TelemetrySettings

from directflow_cli.commands.check.corpus import read
from directflow_cli.commands.check.private_gateway import CONNECTION_NAME, WORKSPACE, private_gateway
from directflow_cli.commands.check.report import Report
from directflow_cli.commands.check.request import Frame
from directflow_cli.commands.check.role import is_superuser
from directflow_cli.commands.check.runner import Runner, is_gateway_away
from directflow_cli.commands.endpoints import Target, find
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.names import resource_name
from directflow_cli.commands.options import GatewayEndpoint, Output, OutputFormat, Workspace
from directflow_cli.commands.output import write_records
from directflow_cli.commands.printable import printable
from directflow_cli.commands.session import Session, conversation, end_with, tell
from directflow_cli.dev.customer import CustomerDatabase, UnusableUrl, from_url
from directflow_cli.dev.processes import ServiceFailed, ServiceProcess

COLUMNS = ("id", "verdict", "rows", "columns", "sqlstate", "reason", "message")
MIB = 1024 * 1024
LAST_WORDS_S = 2.0


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What one run was asked for."""

    file: Path
    timeout_s: float
    statement_timeout_s: float
    max_rows: int
    max_bytes: int
    concurrency: int
    strict: bool
    output: OutputFormat
    gateway_log: Path | None = None

    def frame(self, connection: str) -> Frame:
        """What is equal for all queries on a connection."""
        return Frame(connection, self.statement_timeout_s, self.max_rows, self.max_bytes)


def check(
    file: Annotated[Path, typer.Argument(help="JSON lines with id, sql, variables.", exists=True, dir_okay=False)],
    connection: Annotated[
        str, typer.Option("--connection", "-c", help="Connection, by id or resource name.", show_default=False)
    ] = "",
    database_url: Annotated[
        str,
        typer.Option(
            help="postgresql://... A private gateway is started for the check.",
            envvar="DIRECTFLOW_CHECK_DATABASE_URL",  # a password has no place in a shell's history
            show_default=False,
            show_envvar=True,
        ),
    ] = "",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for each query, waiting included.")] = 20.0,
    statement_timeout: Annotated[float, typer.Option(min=0.1, help="Seconds of work for PostgreSQL.")] = 5.0,
    max_rows: Annotated[int, typer.Option(min=1, help="Most rows of a result.")] = 1_000_000,
    max_bytes: Annotated[int, typer.Option(min=1, help="Most bytes of a result.")] = 64 * MIB,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Queries at once.")] = 4,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 when a query does not come out as its line expects.")
    ] = False,
    gateway_log: Annotated[
        Path | None, typer.Option(help="Keep the private gateway's log here.", dir_okay=False, show_default=False)
    ] = None,
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
) -> None:
    """Runs every query of a file, each read-only and bounded, and says what came of it.

    A verdict is ok, rejected, value_rejected, limit or error. `digest` is that of COPY's text, sorted as bytes.

    Example: directflow query check queries.jsonl --connection crm -o jsonl
    """
    options = CheckOptions(
        file, timeout, statement_timeout, max_rows, max_bytes, concurrency, strict, output, gateway_log
    )
    if bool(connection) == bool(database_url):
        raise typer.BadParameter("give either --connection or --database-url")
    if connection:
        target = find("gateway", gateway, workspace)
        name = resource_name(connection, "connections", target.workspace)
        end_with(lambda: conversation(target, "query check", lambda session: run(options, session, name)))
    try:
        database = from_url(database_url)
    except UnusableUrl as error:
        raise typer.BadParameter(str(error)) from None
    end_with(lambda: _with_private_gateway(options, database))


async def run(options: CheckOptions, session: Session, connection: str) -> ExitCode:
    """Runs the checks, prints their outcomes in the file's order, then the summary on stderr."""
    runner = Runner(session.channel, options.frame(connection), options.timeout_s, options.concurrency)
    started, printed, report = time.monotonic(), Printed(options.output), Report()
    outcomes: Any = runner.run(read(options.file))
    async with aclosing(outcomes) as checked:
        async for one, outcome in checked:
            report.add(one, outcome)
            printed.add(outcome.as_dict(), outcome.as_json())
    printed.end()
    tell("\n".join(report.lines(time.monotonic() - started)))
    return ExitCode.NEGATIVE if options.strict and report.missed else ExitCode.OK


@dataclass
class Printed:
    """JSON lines as they come; a table or an array when all of them are there."""

    output: OutputFormat
    _records: list[dict[str, object]] = field(default_factory=list)

    def add(self, record: dict[str, object], line: str) -> None:
        """One more outcome."""
        if self.output is OutputFormat.JSONL:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()  # whoever reads the pipe sees it now
        else:
            self._records.append(record)

    def end(self) -> None:
        """There are no more."""
        if self.output is not OutputFormat.JSONL:
            write_records(self.output, self._records, COLUMNS)


async def _with_private_gateway(options: CheckOptions, database: CustomerDatabase) -> ExitCode:
    try:
        async with private_gateway(database, options.concurrency + 1, options.gateway_log) as gateway:
            return await _while_it_serves(gateway, _conversation(options, gateway, database))
    except ServiceFailed as error:  # it did not start, or it ended: no statement may bring that about
        tell(str(error))
        return ExitCode.DEFECT


async def _while_it_serves(gateway: ServiceProcess, conversing: Coroutine[Any, Any, ExitCode]) -> ExitCode:
    """The conversation's code; ServiceFailed, at once, when the gateway ends before it."""
    work, end = asyncio.create_task(conversing), asyncio.create_task(gateway.ended())
    try:
        await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
        if work.done() and is_gateway_away(work.exception()):
            await asyncio.wait({end}, timeout=LAST_WORDS_S)  # the cause of a lost connection is told, if it is this
        return await (end if end.done() else work)
    finally:
        work.cancel()
        end.cancel()
        await asyncio.gather(work, end, return_exceptions=True)


async def _conversation(options: CheckOptions, gateway: ServiceProcess, database: CustomerDatabase) -> ExitCode:
    async def work(session: Session) -> ExitCode:
        if await is_superuser(session.channel, options.frame(CONNECTION_NAME), options.timeout_s):
            tell(f"warning: {printable(database.user)} is a superuser; give DirectFlow a role that can only read")
        return await run(options, session, CONNECTION_NAME)

    target = Target(ChannelSettings(target=gateway.address), TelemetrySettings(), WORKSPACE)
    return await conversation(target, "query check", work)
