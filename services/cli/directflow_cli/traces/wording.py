"""Names, amounts and attributes of spans as people read them, on one line and harmless wherever they are shown."""

import re

from directflow_cli.commands.printable import printable
from directflow_cli.traces.spans import NS_A_MS, AttributeValue, Span

MAX_VALUE_CHARACTERS = 80
MAX_NAME_CHARACTERS = 120
KILO = 1000
_METHOD = re.compile(r"[\w.]+\.(\w+/\w+)")

# What is worth a word beside a bar, in this order: label, attribute and unit.
_DETAILS = (
    ("", "rpc.response.status_code", ""),
    ("", "error.type", ""),
    ("", "directflow.cause", ""),
    ("SQLSTATE ", "db.response.status_code", ""),
    ("waited ", "directflow.pool.wait_ms", " ms"),
    ("waited for the statement before ", "directflow.lane.wait_ms", " ms"),
    ("credential ", "directflow.pool.credential_ms", " ms"),
    ("budget ", "directflow.pool.admission_ms", " ms"),
    ("login ", "directflow.pool.connect_ms", " ms"),
    ("got a new session", "directflow.pool.opened", "is"),
    ("sessions ", "directflow.pool.in_use", ""),
    ("of ", "directflow.pool.size", ""),
    ("login ", "directflow.connect_ms", " ms"),
    ("role examined ", "directflow.examine_ms", " ms"),
    ("plan ", "directflow.time.plan_ms", " ms"),
    ("first row ", "directflow.time.first_row_ms", " ms"),
    ("server ", "directflow.time.server_ms", " ms"),
    ("reader ", "directflow.time.reader_ms", " ms"),
    ("process late ", "directflow.time.loop_lag_ms", " ms"),
    ("people ", "directflow.profiles", ""),
    ("rows ", "db.response.returned_rows", ""),
    ("rows ", "directflow.rows", ""),
    ("", "directflow.bytes.returned", "bytes"),
    ("", "directflow.bytes", "bytes"),
    ("", "db.query.text", ""),
    ("on ", "directflow.connection", ""),
    ("database ", "db.namespace", ""),
)
_NOT_WORTH_A_WORD = frozenset({"0 ms", "0.0 ms", "0 bytes"})


def short_service(span: Span) -> str:
    """`directflow-gateway` is `gateway`: that it is ours is known."""
    return one_line(span.service.removeprefix("directflow-"), MAX_NAME_CHARACTERS)


def short_name(span: Span) -> str:
    """`directflow.segments.v1.AudienceService/ListSegments` is `AudienceService/ListSegments`; others stay."""
    method = _METHOD.fullmatch(span.name[:MAX_NAME_CHARACTERS])
    return one_line(method[1] if method else span.name, MAX_NAME_CHARACTERS)


def one_line(text: str, characters: int) -> str:
    """Cut, without line breaks, and with control characters written out."""
    text = printable(" ".join(text[: 4 * characters].split()))
    return text if len(text) <= characters else text[: characters - 1] + "…"


def duration(nanoseconds: float) -> str:
    """1.5 s; 12.3 ms."""
    seconds = nanoseconds / NS_A_MS / KILO
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{nanoseconds / NS_A_MS:,.1f} ms"


def milliseconds(nanoseconds: int) -> str:
    """1,500.0"""
    return f"{nanoseconds / NS_A_MS:,.1f}"


def bytes_of(size: float) -> str:
    """12.3 kB."""
    for unit in ("bytes", "kB", "MB"):
        if size < KILO:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= KILO
    return f"{size:,.1f} GB"


def revision_of(span: Span) -> str:
    """ " revision 3", or nothing."""
    revision = span.text("directflow.definition.revision")
    return f" revision {one_line(revision, 12)}" if revision not in ("", "0") else ""


def details(span: Span) -> list[str]:
    """What happened, in the words of the span's attributes; the statement's text last."""
    shown = [_detail(label, span.attributes[name], unit) for label, name, unit in _DETAILS if name in span.attributes]
    return [each for each in dict.fromkeys(shown) if each]


def _detail(label: str, value: AttributeValue, unit: str) -> str:
    if unit == "is":
        return label if value is True else ""
    if unit == "bytes" and isinstance(value, int | float):
        text, unit = bytes_of(value), ""
    elif isinstance(value, float):
        text = f"{value:,.1f}"
    elif isinstance(value, int) and not isinstance(value, bool):
        text = f"{value:,}"
    else:
        text = one_line(str(value), MAX_VALUE_CHARACTERS)
        # `workspaces/demo/connections/customer`: the workspace is the whole trace's.
        text = text.rpartition("/")[2] if label == "on " else text
    return "" if text + unit in _NOT_WORTH_A_WORD else label + text + unit
