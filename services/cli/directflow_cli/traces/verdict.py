"""A trace in words: how it ended, where most of its time went, what to do, and on which database."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from directflow_cli.traces.advice import about_failure, about_wait
from directflow_cli.traces.breakdown import Part, Stretch, breakdown, brings_rows
from directflow_cli.traces.spans import NS_A_MS, Lines, Span
from directflow_cli.traces.wording import bytes_of, duration, one_line, revision_of, short_name, short_service

STATUS = "rpc.response.status_code"
REASON = "error.type"
ROWS = "db.response.returned_rows"
SQLSTATE = "db.response.status_code"
GOOD = ("", "OK")
BEGIN = "begin"
PARTS_TOLD = 5
LEAST_SHARE = 0.01
MOST_STATEMENTS = 5
MAX_QUERY_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Verdict:
    """Sentences, each whole, without markup."""

    ending: str
    """How it ended, and the reason."""
    failed: bool
    time: str
    """Where most of the time went."""
    advice: tuple[str, ...]
    """What to do: about the failure, about the time."""
    shares: tuple[tuple[str, float, int], ...]
    """What the time went into: words, share of the whole, nanoseconds. The largest first."""
    statements: tuple[str, ...]
    """What ran where, and how much came."""


def verdict(lines: Lines) -> Verdict:
    """Of a trace's lines, complete or not; there is at least one."""
    stretches = breakdown(lines)
    bad = _bad_calls(lines)
    cause = _cause(lines, bad[0]) if bad else None
    advice = [about_failure(cause)] if cause else []
    if stretches:
        most = _most(stretches)[0]
        advice.append(about_wait(most.part, most.span))
    return Verdict(
        ending=_ending(lines, len(bad), cause),
        failed=bool(bad),
        time=_time(stretches, lines),
        advice=tuple(dict.fromkeys(advice)),
        shares=tuple(_shares(stretches)),
        statements=tuple(_statements(lines)),
    )


def _calls(lines: Lines) -> list[tuple[int, Span]]:
    """Indices and spans of the outermost calls: what whoever began the trace saw. Without any: the roots."""
    outermost: list[tuple[int, Span]] = []
    inside: int | None = None
    for index, (depth, span) in enumerate(lines):
        if inside is not None and depth > inside:
            continue
        inside = depth if STATUS in span.attributes else None
        if inside is not None:
            outermost.append((index, span))
    return outermost or [(index, span) for index, (depth, span) in enumerate(lines) if depth == 0]


def _bad_calls(lines: Lines) -> list[int]:
    return [index for index, span in _calls(lines) if span.text(STATUS) not in GOOD or span.failed]


def _cause(lines: Lines, at: int) -> Span:
    """The innermost span of a failed call that failed too: there it began."""
    cause_depth, cause = lines[at]
    top = cause_depth
    for depth, span in lines[at + 1 :]:
        if depth <= top:
            break
        if not span.text(REASON) or not (span.failed or span.text(STATUS) not in GOOD):
            continue
        # A BEGIN that fails on a session that had died is begun again on another one, and nobody notices.
        if depth > cause_depth or (depth == cause_depth > top and cause.name == BEGIN):
            cause_depth, cause = depth, span
    return cause


def _ending(lines: Lines, bad: int, cause: Span | None) -> str:
    calls = _calls(lines)
    if cause is None:
        return "Ended well." if len(calls) == 1 else f"All {len(calls)} calls ended well."
    first = next(span for _, span in calls if span.text(STATUS) not in GOOD or span.failed)
    status = first.text(STATUS) or "an error"
    which = f"Ended with {status}" if len(calls) == 1 else f"{bad} of {len(calls)} calls failed, first with {status}"
    reason = f", {cause.text(REASON)}" if cause.text(REASON) not in ("", status) else ""
    state = f" (SQLSTATE {cause.text(SQLSTATE)})" if cause.text(SQLSTATE) else ""
    return f"{which}{reason}{state}, which began in {short_service(cause)}: {short_name(cause)}."


def _most(stretches: Sequence[Stretch]) -> tuple[Stretch, float, float]:
    """The part that took most, at the span where most of it was; its nanoseconds, and those of all."""
    by_kind = _by_kind(stretches)
    kind, taken = next(iter(by_kind.items()))
    return next(stretch for stretch in stretches if _kind(stretch) == kind), taken, sum(by_kind.values())


def _by_kind(stretches: Sequence[Stretch]) -> dict[str, float]:
    """Nanoseconds by what was waited for, in words; the largest first."""
    kinds: dict[str, float] = {}
    for stretch in stretches:
        kinds[_kind(stretch)] = kinds.get(_kind(stretch), 0.0) + stretch.ns
    return dict(sorted(kinds.items(), key=lambda each: -each[1]))


def _kind(stretch: Stretch) -> str:
    """The services' own work by service: which one it is is the whole question."""
    if stretch.part is Part.OWN and stretch.span:
        return f"own work of {short_service(stretch.span)}"
    return stretch.part.value


def _reader(lines: Lines, taken: float, otherwise: Span | None) -> Span | None:
    """Where the reading was slow: of all that were held up the outermost, for each holds up the one behind it."""
    held_up = (span for _, span in lines if span.number("directflow.time.reader_ms") * NS_A_MS >= taken / 2)
    return next(held_up, otherwise)


def _time(stretches: Sequence[Stretch], lines: Lines) -> str:
    if not stretches:
        return "It took no time that can be told."
    where, taken, whole = _most(stretches)
    much = "Most" if taken > whole / 2 else "The largest part"
    span = _reader(lines, taken, where.span) if where.part is Part.READER else where.span
    at = f", above all in {short_service(span)}: {short_name(span)}" if span else ""
    return f"{much} of the time, {taken / whole:.0%} or {duration(taken)}, went into {_kind(where)}{at}."


def _shares(stretches: Sequence[Stretch]) -> Iterator[tuple[str, float, int]]:
    by_kind = _by_kind(stretches)
    whole = sum(by_kind.values())
    for words, taken in list(by_kind.items())[:PARTS_TOLD]:
        if taken / whole >= LEAST_SHARE:
            yield words, taken / whole, round(taken)


def _statements(lines: Lines) -> Iterator[str]:
    """Each statement on each database once, however often it ran."""
    ran: dict[tuple[str, str], list[Span]] = {}
    for _, span in lines:
        if brings_rows(span):
            text = one_line(span.text("db.query.text"), MAX_QUERY_CHARACTERS)
            ran.setdefault((_where(span), text), []).append(span)
    for (where, text), spans in list(ran.items())[:MOST_STATEMENTS]:
        times = f", {len(spans)} times" if len(spans) > 1 else ""
        yield f"{where}{times}: {_much(spans)}" + (f". {text}" if text else "")
    if len(ran) > MOST_STATEMENTS:
        yield f"and {len(ran) - MOST_STATEMENTS} more"


def _much(spans: Sequence[Span]) -> str:
    people = _sum(spans, "directflow.profiles")
    if people and not any(ROWS in span.attributes for span in spans):
        return f"{people:,} {'person' if people == 1 else 'people'}"
    rows, size = _sum(spans, ROWS), _sum(spans, "directflow.bytes.returned")
    return f"{rows:,} row{'s' * (rows != 1)}" + (f", {bytes_of(size)}" if size else "")


def _sum(spans: Sequence[Span], attribute: str) -> int:
    return sum(int(span.number(attribute)) for span in spans)


def _where(span: Span) -> str:
    database = f"database {span.text('db.namespace')} of " if span.text("db.namespace") else ""
    definition = span.text("directflow.definition").rpartition("/")[2] or span.name
    connection = span.text("directflow.connection").rpartition("/")[2]
    return f"{definition}{revision_of(span)} on {database}connection {connection}"
