"""Where a trace's time went: its critical path, each stretch of it under the name of what was waited for.

The critical path is what the end waited for: at each moment the one span below which nothing went on that the end
depended upon. Its stretches add up to the whole, also where things were done at once.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from directflow_cli.traces.spans import NS_A_MS, Lines, Span

POSTGRESQL = "postgresql"


class Part(enum.Enum):
    """What was waited for, in words that follow "of the time went into"."""

    CALLER = "the caller itself"
    ADMISSION = "waiting for admission"
    LANE = "waiting for the statement before its own"
    POOL = "waiting for a free database session"
    CONNECT = "opening a database session"
    CREDENTIAL = "waiting for the credential"
    TRANSACTION = "beginning or ending the transaction"
    COMPILE = "compiling the SQL"
    DESCRIBE = "describing the statement to check it"
    PLAN = "planning the statement"
    FIRST_ROW = "PostgreSQL before the first row"
    TRANSFER = "PostgreSQL's further rows"
    STATEMENT = "the statement"
    OWN_DATABASE = "DirectFlow's own database"
    READER = "the caller reading slowly"
    HOP = "the way between two processes"
    LOOP_LAG = "a process that was too busy to come round"
    OWN = "own work of the services"
    UNSEEN = "spans that did not arrive"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the critical path. `span` is where it was; None where nothing was seen."""

    part: Part
    span: Span | None
    ns: float


@dataclass(frozen=True, slots=True)
class _Node:
    span: Span
    children: "list[_Node]"


def breakdown(lines: Lines) -> list[Stretch]:
    """The stretches of the critical path, the largest first. They add up to the time from the first root's begin to
    the last root's end: what went on after that nobody waited for.
    """
    roots = _trees(lines)
    stretches: dict[tuple[Part, str], Stretch] = {}
    for span, alone, below in _critical(roots):
        for part, ns in _parts(span, alone, below):
            key = (part, span.span_id if span else "")
            before = stretches[key].ns if key in stretches else 0.0
            stretches[key] = Stretch(part, span, before + ns)
    return sorted((stretch for stretch in stretches.values() if stretch.ns > 0), key=lambda each: -each.ns)


def _trees(lines: Lines) -> list[_Node]:
    roots: list[_Node] = []
    ancestors: list[_Node] = []
    for depth, span in lines:
        del ancestors[depth:]
        node = _Node(span, [])
        (ancestors[-1].children if ancestors else roots).append(node)
        ancestors.append(node)
    return roots


def _critical(roots: list[_Node]) -> Iterator[tuple[Span | None, int, list[Span]]]:
    """From the end to the beginning: span, nanoseconds of its own, and the spans right below it."""
    if not roots:
        return
    begin = min(node.span.start_ns for node in roots)
    end = max(node.span.end_ns for node in roots)
    pending: list[tuple[_Node | None, int, int]] = [(None, begin, end)]
    while pending:  # an explicit stack: a trace may be deeper than Python's
        node, begin, end = pending.pop()
        children = roots if node is None else node.children
        at, alone = end, 0
        for child in sorted(children, key=lambda each: -each.span.end_ns):
            last, first = min(child.span.end_ns, at), max(child.span.start_ns, begin)
            if first >= last:
                continue
            alone += at - last
            at = first
            pending.append((child, first, last))
        yield node.span if node else None, alone + at - begin, [child.span for child in children]


def _parts(span: Span | None, ns: int, below: list[Span]) -> Iterator[tuple[Part, float]]:
    """What a span's own time was, less what of it was only the process's being late."""
    if span is None:
        yield Part.UNSEEN, ns
        return
    late = _late(span)
    for part, taken in _apparent(span, ns, below):
        # Work of its own may well be what made the process late, and it is no wait.
        is_work = part is Part.COMPILE or (part is Part.OWN and is_statement(span))
        lag = 0.0 if is_work else taken * late
        yield Part.LOOP_LAG, lag
        yield part, taken - lag


def _late(span: Span) -> float:
    """The share of the span in which its process was late for everything: 0 to 1."""
    lag_ns = max(span.number("directflow.time.loop_lag_ms"), 0) * NS_A_MS
    return min(1.0, lag_ns / span.duration_ns) if span.duration_ns else 0.0


def _apparent(span: Span, ns: int, below: list[Span]) -> Iterator[tuple[Part, float]]:
    """What a span's own time seems to be: statements and waits for a session tell their parts, others have one."""
    left = float(ns)
    for part, ms in _told(span, below):
        taken = min(max(ms, 0) * NS_A_MS, left)
        left -= taken
        yield part, taken
    yield _rest(span, any(each.service != span.service for each in below)), left


def _told(span: Span, below: list[Span]) -> list[tuple[Part, float]]:
    """What the span says of its own time, in milliseconds."""
    if _named(span) in (Part.POOL, Part.CONNECT):
        return _told_of_session(span, below)
    if not is_statement(span) or _named(span):
        return [
            (Part.READER, span.number("directflow.time.reader_ms")),
            (Part.LANE, span.number("directflow.lane.wait_ms")),
        ]
    first, server = span.number("directflow.time.first_row_ms"), span.number("directflow.time.server_ms")
    return [
        (Part.PLAN, span.number("directflow.time.plan_ms")),
        (Part.FIRST_ROW, first),
        # A set of people is asked for in several statements, of which none has a first row of its own.
        (Part.TRANSFER if first else Part.STATEMENT, server - first),
        (Part.READER, span.number("directflow.time.reader_ms")),
    ]


def _told_of_session(span: Span, below: list[Span]) -> list[tuple[Part, float]]:
    """A login serves everybody who waits for a session, and has its span below the first one's only, whose own time is
    the rest."""
    spent = {part: span.number(name) for part, name in _OF_SESSION.items()}
    for each in below:
        part, ms = _named(each), each.duration_ns / NS_A_MS
        if part is Part.CONNECT:
            again = each.number(_OF_SESSION[Part.CREDENTIAL])
            spent[Part.CREDENTIAL] -= again
            ms -= again
        if part in spent:
            spent[part] -= ms
    return list(spent.items())


_OF_SESSION = {
    Part.CREDENTIAL: "directflow.pool.credential_ms",
    Part.ADMISSION: "directflow.pool.admission_ms",
    Part.CONNECT: "directflow.pool.connect_ms",
}
_BY_NAME = {
    "admission": Part.ADMISSION,
    "pool acquire": Part.POOL,
    "connect": Part.CONNECT,
    "begin": Part.TRANSACTION,
    "rollback": Part.TRANSACTION,
    "compile": Part.COMPILE,
    "describe": Part.DESCRIBE,
    "vault": Part.CREDENTIAL,
    "credential": Part.CREDENTIAL,
}


def _rest(span: Span, remote: bool) -> Part:
    if "rpc.method" in span.attributes:
        # A call's own time: on its way where the other side was seen, else whatever that did.
        return Part.HOP if span.kind == "CLIENT" or (remote and not span.kind) else Part.OWN
    if named := _named(span):
        return named
    if is_statement(span):
        if "directflow.connection" not in span.attributes:
            return Part.OWN_DATABASE
        # A statement that tells how long PostgreSQL took: the remainder is the gateway's.
        return Part.OWN if "directflow.time.server_ms" in span.attributes else Part.STATEMENT
    return Part.OWN if span.service.startswith("directflow-") and not span.service.endswith("-cli") else Part.CALLER


def _named(span: Span) -> Part | None:
    return _BY_NAME.get(span.name) or _BY_NAME.get(span.name.partition(" ")[0])


def is_statement(span: Span) -> bool:
    """Something that was asked of a PostgreSQL."""
    return span.attributes.get("db.system.name") == POSTGRESQL


def brings_rows(span: Span) -> bool:
    """A definition's statement on a customer's database: neither about one, nor around one."""
    return is_statement(span) and "directflow.connection" in span.attributes and _named(span) is None
