"""What is known of one saved definition, for people and for programs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from directflow.gateway.v1 import connection_service_pb2 as connections
from directflow.sql.v1 import sql_pb2
from directflow_runtime.status import problem_from
from yaml.nodes import ScalarNode

from directflow_cli.commands.failures import lines_of_problem
from directflow_cli.commands.moments import iso_text
from directflow_cli.commands.printable import printable
from directflow_cli.definitions.kinds import CONNECTION, Kind, kind_of
from directflow_cli.definitions.manifests import read_all
from directflow_cli.definitions.places import Source
from directflow_cli.definitions.problems import locate
from directflow_cli.definitions.references import short
from directflow_cli.definitions.writing import document_of, yaml_of

SHOWN_REVISIONS: Final = 5


def columns(kind: Kind) -> tuple[str, ...]:
    """Of the table of `list`."""
    return ("id", "revision", "saved", "problems", *(("credential",) if kind is CONNECTION else ()))


def row(resource: Any) -> dict[str, Any]:
    """One line of `list`."""
    about = {
        "id": short(resource.name),
        "revision": resource.revision,
        "saved": _moment(resource, "update_time"),
        "problems": _counts(resource.validation_report.problems),
    }
    return about | ({"credential": _binding(resource)} if kind_of(resource.name) is CONNECTION else {})


def revision_rows(revisions: Iterable[Any]) -> list[dict[str, Any]]:
    """The table of `revisions`."""
    return [
        {
            "revision": saved.revision,
            "saved": _moment(saved, "save_time"),
            "author": saved.author,
            "what": "deleted" if saved.deleted else "saved",
        }
        for saved in revisions
    ]


def record(resource: Any, history: Sequence[Any]) -> dict[str, Any]:
    """For programs: the document, and what only the service knows."""
    report = resource.validation_report
    return {
        **document_of(resource, workspace=True),
        "name": resource.name,
        "etag": resource.etag,
        "revision": resource.revision,
        "update_time": _moment(resource, "update_time"),
        **({"credential_binding": _binding(resource)} if kind_of(resource.name) is CONNECTION else {}),
        "problems": [_problem(problem) for problem in report.problems],
        "queries": [_query(query) for query in report.queries],
        "revisions": revision_rows(history),
    }


def lines(resource: Any, history: Sequence[Any]) -> Iterator[str]:
    """For people."""
    kind = kind_of(resource.name)
    yield f"{kind.title} {short(resource.name)} ({resource.name})"
    yield f"revision {resource.revision}, saved {_moment(resource, 'update_time') or 'in the settings file'}"
    if kind is CONNECTION:
        yield f"credential {_binding(resource)}"
    yield from ("", yaml_of(resource).rstrip("\n"), "", "Checked:")
    yield from _report_lines(resource)
    if history:
        yield from ("", "Revisions:", *_history_lines(history))


def _report_lines(resource: Any) -> Iterator[str]:
    report = resource.validation_report
    for problem in report.problems:
        yield from lines_of_problem(problem_from(problem), _sql(resource, problem.field))
    if not report.problems:
        yield "  nothing to complain about"
    for query in report.queries:
        yield from _query_lines(query)


def _query_lines(query: Any) -> Iterator[str]:
    yield f"  {query.field}"
    for column in query.schema.columns:
        yield f"    column   {printable(column.name)}: {printable(column.postgres_type)}"
    for use in query.variable_uses:
        source = f", from {use.source}" if use.source else ""
        yield f"    variable {printable(use.name)}: {printable(use.inferred_type)} at {use.line}:{use.column}{source}"
    for rewrite in query.rewrites:
        yield f"    rewritten: {printable(rewrite)}"
    if query.set_form:
        yield f"    many at once: {_set_form(query)}" + (f": {query.set_form_reason}" if query.set_form_reason else "")


def _history_lines(history: Sequence[Any]) -> Iterator[str]:
    for saved in history[:SHOWN_REVISIONS]:
        what = ", deleted" if saved.deleted else ""
        yield f"  {saved.revision}  {_moment(saved, 'save_time')}  {printable(saved.author)}{what}"
    if len(history) > SHOWN_REVISIONS:
        yield f"  and older ones: directflow revisions {kind_of(_name(history[0])).title.replace(' ', '-')} ..."


def _name(saved: Any) -> str:
    return next((str(value.name) for _, value in saved.ListFields() if hasattr(value, "name")), "")


def _sql(resource: Any, field: str) -> str | None:
    """The query that a problem is about; None where that is not known."""
    found = read_all([Source("", yaml_of(resource))], resource.name.split("/")[1])
    node = locate(found.manifests[0], field) if found.manifests else None
    return str(node.value) if isinstance(node, ScalarNode) else None


def _counts(problems: Iterable[Any]) -> str:
    counted = Counter(_severity(problem) for problem in problems)
    return ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for name, count in sorted(counted.items())) or "none"


def _severity(problem: Any) -> str:
    return sql_pb2.Severity.Name(problem.severity).removeprefix("SEVERITY_").lower()


def _problem(problem: Any) -> dict[str, Any]:
    names = ("rule", "field", "message", "line", "column", "token", "hint")
    return {"severity": _severity(problem), **{name: getattr(problem, name) or None for name in names}}


def _query(query: Any) -> dict[str, Any]:
    return {
        "field": query.field,
        "bound_sql": query.bound_sql,
        "columns": [{"name": one.name, "postgres_type": one.postgres_type} for one in query.schema.columns],
        "variables": [
            {name: getattr(use, name) for name in ("name", "inferred_type", "line", "column", "source")}
            for use in query.variable_uses
        ],
        "rewrites": list(query.rewrites),
        "set_form": _set_form(query),
        "set_form_reason": query.set_form_reason or None,
    }


def _set_form(query: Any) -> str:
    return sql_pb2.SetForm.Name(query.set_form).removeprefix("SET_FORM_").lower()


def _binding(resource: Any) -> str:
    name = connections.CredentialBinding.Name(resource.credential_binding)
    return name.removeprefix("CREDENTIAL_BINDING_").lower().replace("unspecified", "unknown")


def _moment(message: Any, field: str) -> str:
    return iso_text(getattr(message, field)) if message.HasField(field) else ""
