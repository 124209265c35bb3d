"""An error for a person: what, why, where in the SQL, what to write instead, and the trace that leads to its cause."""

from collections.abc import Iterator

from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, Severity
from directflow_runtime.remote import RemoteError
from rich.cells import cell_len

from directflow_cli.commands.printable import printable

LABEL_WIDTH = 8


def lines_of(error: DirectFlowError, sql: str | None = None) -> list[str]:
    """The lines to print. With the `sql` that was sent, the place is shown in it."""
    return [
        f"error: {printable(error.message)}",
        *_labelled("reason", _reason(error)),
        *(line for violation in error.violations for line in _labelled("field", _violation(violation))),
        *(line for problem in error.problems for line in lines_of_problem(problem, sql)),
        *_labelled("omitted", _omitted(error)),
        *_labelled("retry", f"after {error.retry_after:g} s" if error.retry_after is not None else ""),
        *_labelled("trace", error.request_id if isinstance(error, RemoteError) else ""),
    ]


def lines_of_problem(problem: Problem, sql: str | None) -> Iterator[str]:
    """One problem: rule and message, the place in the author's text, and the hint."""
    kind = "warning" if problem.severity is Severity.WARNING else "problem"
    yield from _labelled(kind, f"{problem.rule}: {printable(problem.message)}")
    if problem.line:
        token = f": {printable(problem.token)}" if problem.token and sql is None else ""
        yield from _labelled("at", f"line {problem.line}, column {problem.column}{token}")
        yield from _excerpt(problem, sql or "")
    for number, line in enumerate(problem.hint.splitlines()):
        yield from _labelled("" if number else "hint", printable(line))


def _excerpt(problem: Problem, sql: str) -> Iterator[str]:
    """The author's line with a caret under the token; nothing where the text is not known."""
    # As PostgreSQL's lexer counts: a CR ends a line as well, and nothing else that Python calls a line break does.
    lines = sql.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if problem.line > len(lines) or not sql:
        return
    text = lines[problem.line - 1]
    before, behind = text[: problem.column - 1], text[problem.column - 1 :]
    length = max(1, len(problem.token.split("\n")[0]))
    indent = " " * (LABEL_WIDTH + 3)
    # Tabs become blanks, and the caret counts terminal cells: a wide character takes two.
    carets = "^" * max(1, cell_len(printable(behind[:length].replace("\t", " "))))
    yield indent + printable(text.replace("\t", " "))
    yield indent + " " * cell_len(printable(before.replace("\t", " "))) + carets


def _labelled(label: str, text: str) -> Iterator[str]:
    if text:
        yield f"  {label:<{LABEL_WIDTH}} {text}"


def _reason(error: DirectFlowError) -> str:
    domain = f" of {error.domain}" if isinstance(error, RemoteError) and error.domain else ""
    inner = error.metadata.get("gateway_reason", "")
    behind = f"; the gateway says {inner}" if inner and inner != error.reason else ""
    sqlstate = f", SQLSTATE {error.sqlstate}" if error.sqlstate else ""
    return f"{error.reason or 'none'}{domain} ({error.code.name}{sqlstate}){behind}"


def _violation(violation: FieldViolation) -> str:
    return f"{printable(violation.field)}: {printable(violation.description)}"


def _omitted(error: DirectFlowError) -> str:
    omitted = error.omitted_problems if isinstance(error, RemoteError) else 0
    return f"{omitted} more problems" if omitted else ""
