"""`directflow query check|describe`: SQL before anybody depends on it."""

import enum
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from directflow.gateway.v1 import query_service_pb2 as wire
from directflow.gateway.v1 import query_service_pb2_grpc as stubs
from directflow.sql.v1 import sql_pb2
from directflow_runtime.status import problem_from

from directflow_cli.commands.check.command import check
from directflow_cli.commands.endpoints import find
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.failures import lines_of_problem
from directflow_cli.commands.names import resource_name
from directflow_cli.commands.options import GatewayEndpoint, Output, OutputFormat, Timeout, Workspace
from directflow_cli.commands.output import print_table, write_document
from directflow_cli.commands.session import Session, converse, tell
from directflow_cli.commands.sql_text import sql_text


class Role(enum.StrEnum):
    """What a statement is for; it decides the columns that it must have."""

    DISCOVERY = "discovery"
    GENERATOR = "generator"
    PRELOAD = "preload"
    CONDITION = "condition"
    AD_HOC = "ad-hoc"


_ROLES: Final = {
    Role.DISCOVERY: wire.STATEMENT_ROLE_DISCOVERY,
    Role.GENERATOR: wire.STATEMENT_ROLE_GENERATOR,
    Role.PRELOAD: wire.STATEMENT_ROLE_PRELOAD,
    Role.CONDITION: wire.STATEMENT_ROLE_CONDITION,
    Role.AD_HOC: wire.STATEMENT_ROLE_AD_HOC,
}


def register(app: typer.Typer) -> None:
    """Adds the group to the command line."""
    group = typer.Typer(help="SQL before anybody depends on it.", no_args_is_help=True)
    group.command("check")(check)
    group.command("describe")(describe)
    app.add_typer(group, name="query")


def describe(
    connection: Annotated[str, typer.Option("--connection", "-c", help="Connection, by id or resource name.")],
    file: Annotated[Path | None, typer.Argument(help="A file with the SQL; - for stdin.", show_default=False)] = None,
    sql: Annotated[str, typer.Option(help="The SQL itself.", show_default=False)] = "",
    role: Annotated[Role, typer.Option(help="What the statement is for.")] = Role.AD_HOC,
    kinds: Annotated[
        list[str], typer.Option("--kind", help="Kind of a variable: name=integer, or name=uuid[] for a list.")
    ] = [],  # noqa: B006
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    gateway: GatewayEndpoint = "",
    timeout: Timeout = 30.0,
) -> None:
    """Says what a statement would do, without running it: columns, variables, rewrites, and every problem.

    Exit code 4: there are errors.

    Example: directflow query describe -c crm --sql "SELECT u.emial FROM users u"
    """
    text = sql_text(file, sql)
    target = find("gateway", gateway, workspace)
    statement = wire.Statement(
        connection=resource_name(connection, "connections", target.workspace),
        template=text,
        variables=[_variable(kind) for kind in kinds],
        role=_ROLES[role],
    )

    async def work(session: Session) -> ExitCode:
        stub: Any = stubs.QueryServiceStub(session.channel)  # type: ignore[no-untyped-call]
        response = await stub.DescribeQuery(wire.DescribeQueryRequest(statement=statement), timeout=timeout)
        _show(output, response.report, text)
        broken = any(problem.severity == sql_pb2.SEVERITY_ERROR for problem in response.report.problems)
        return ExitCode.INVALID if broken else ExitCode.OK

    converse(target, "query describe", work, text)


def _variable(text: str) -> sql_pb2.Variable:
    name, _, kind = text.partition("=")
    known = f"VARIABLE_KIND_{kind.removesuffix('[]').upper()}"
    if not name or known not in sql_pb2.VariableKind.keys():  # noqa: SIM118 - an enum wrapper is no mapping
        raise typer.BadParameter(
            "a kind is name=text, integer, number, boolean, date, timestamp or uuid; [] for a list"
        )
    return sql_pb2.Variable(name=name, kind=known, list=kind.endswith("[]"))


def _show(output: OutputFormat, report: sql_pb2.ValidationReport, sql: str) -> None:
    if output is not OutputFormat.TABLE:
        write_document(output, _record(report))
        return
    for query in report.queries:
        columns = [(column.name, column.postgres_type) for column in query.schema.columns]
        print_table(("column", "type"), columns)
        if query.variable_uses:
            uses = [(use.name, use.inferred_type, f"{use.line}:{use.column}") for use in query.variable_uses]
            print_table(("variable", "type", "at"), uses)
        for rewrite in query.rewrites:
            tell(f"rewritten: {rewrite}")
        typer.echo(query.bound_sql)
    for problem in report.problems:
        tell("\n".join(lines_of_problem(problem_from(problem), sql)))


def _record(report: sql_pb2.ValidationReport) -> dict[str, Any]:
    return {
        "problems": [_problem(problem) for problem in report.problems],
        "omitted_problems": report.omitted_problems,
        "queries": [_query(query) for query in report.queries],
    }


def _problem(problem: sql_pb2.Problem) -> dict[str, Any]:
    severity = sql_pb2.Severity.Name(problem.severity).removeprefix("SEVERITY_").lower()
    texts = {name: getattr(problem, name) or None for name in ("field", "message", "line", "column", "token", "hint")}
    return {"rule": problem.rule, "severity": severity, **texts}


def _query(query: sql_pb2.QueryReport) -> dict[str, Any]:
    return {
        "bound_sql": query.bound_sql,
        "columns": _fields(query.schema.columns, ("name", "postgres_type", "type_oid")),
        "variables": _fields(query.variable_uses, ("name", "inferred_type", "line", "column")),
        "rewrites": list(query.rewrites),
        "set_form": sql_pb2.SetForm.Name(query.set_form).removeprefix("SET_FORM_").lower(),
        "set_form_reason": query.set_form_reason or None,
    }


def _fields(messages: Sequence[Any], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{name: getattr(message, name) for name in names} for message in messages]
