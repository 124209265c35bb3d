"""An error on the wire: `google.rpc.Status` with exactly one ErrorInfo, and all details together within 6 KiB.

A Python client loses `grpc-status-details-bin` at random above 8 kB of metadata and reports RESOURCE_EXHAUSTED instead,
so problems and violations are cut and the number of the cut ones is told. The details travel as trailing metadata of
`context.abort`: `abort_with_status` would bypass whatever wraps the context.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import grpc
from directflow.sql.v1 import sql_pb2
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, Severity

DETAILS_KEY: Final = "grpc-status-details-bin"
MAX_DETAILS_BYTES: Final = 6 * 1024
MAX_MESSAGE_BYTES: Final = 512
"""Of UTF-8. The message travels twice, and percent-encoded the second time: three bytes for each that is not ASCII."""
MAX_METADATA_BYTES: Final = 1024
MAX_METADATA_VALUE_CHARACTERS: Final = 256
OMITTED_VIOLATIONS: Final = "omitted_violations"

_WRAPPING_BYTES = 256
"""Room for the type URLs and length prefixes of the details that hold lists, and for the count of cut ones."""

_Item = TypeVar("_Item", bound=Message)

_GRPC_CODES: Mapping[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
_SEVERITIES = {Severity.ERROR: sql_pb2.SEVERITY_ERROR, Severity.WARNING: sql_pb2.SEVERITY_WARNING}


def to_status(
    error: DirectFlowError, *, domain: str, request_id: str = "", may_define: bool = False
) -> status_pb2.Status:
    """The rich status of an error.

    `domain` is the API that speaks ("segments.directflow"); `request_id` is the trace id. Problems carry the author's
    text, positions and hints: they are for identities that may define.
    """
    status = status_pb2.Status(code=int(error.code), message=_cut(error.message, MAX_MESSAGE_BYTES))
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=domain, metadata=_metadata(error))
    fixed = list(_fixed_details(error, request_id))
    room = MAX_DETAILS_BYTES - status.ByteSize() - info.ByteSize() - _WRAPPING_BYTES
    room -= sum(detail.ByteSize() + _WRAPPING_BYTES // 2 for detail in fixed)
    violations = _bad_request(error.violations, room)
    if len(violations.field_violations) < len(error.violations):
        info.metadata[OMITTED_VIOLATIONS] = str(len(error.violations) - len(violations.field_violations))
    report = report_of(error.problems, room - violations.ByteSize()) if may_define else sql_pb2.ValidationReport()
    optional: tuple[Message, ...] = (violations, report)
    for detail in (info, *fixed, *(detail for detail in optional if detail.ByteSize())):
        status.details.append(_packed(detail))
    return status


async def abort(context: Any, status: status_pb2.Status) -> None:
    """Ends the call with this status. It always raises: `grpc.aio.AbortError`, when the status is on its way."""
    details = ((DETAILS_KEY, status.SerializeToString()),)
    await context.abort(grpc_code(status.code), status.message, trailing_metadata=details)


def grpc_code(code: int) -> grpc.StatusCode:
    """grpc's own enumerator for a code number."""
    return _GRPC_CODES.get(code, grpc.StatusCode.UNKNOWN)


def problem_message(problem: Problem) -> sql_pb2.Problem:
    """One problem as the wire has it."""
    return sql_pb2.Problem(
        rule=problem.rule,
        severity=_SEVERITIES[problem.severity],
        field=problem.field,
        message=problem.message,
        line=problem.line,
        column=problem.column,
        token=problem.token,
        hint=problem.hint,
    )


def problem_from(message: sql_pb2.Problem) -> Problem:
    """The reverse of `problem_message`."""
    warning = message.severity == sql_pb2.SEVERITY_WARNING
    return Problem(
        rule=message.rule,
        message=message.message,
        severity=Severity.WARNING if warning else Severity.ERROR,
        field=message.field,
        line=message.line,
        column=message.column,
        token=message.token,
        hint=message.hint,
    )


def report_of(problems: Sequence[Problem], room: int | None = None) -> sql_pb2.ValidationReport:
    """Problems as a report, errors first; cut to `room` bytes (None: whole) with the number of those left out."""
    ordered = sorted(problems, key=lambda problem: problem.severity is not Severity.ERROR)
    messages = [problem_message(problem) for problem in ordered]
    kept = messages if room is None else _fitting(messages, room)
    return sql_pb2.ValidationReport(problems=kept, omitted_problems=len(messages) - len(kept))


def _fixed_details(error: DirectFlowError, request_id: str) -> Iterable[Message]:
    if request_id:
        yield error_details_pb2.RequestInfo(request_id=request_id)
    if error.retry_after is not None:
        delay = Duration()
        delay.FromNanoseconds(round(error.retry_after * 1e9))
        yield error_details_pb2.RetryInfo(retry_delay=delay)


def _bad_request(violations: Sequence[FieldViolation], room: int) -> error_details_pb2.BadRequest:
    messages = [
        error_details_pb2.BadRequest.FieldViolation(
            field=_cut(violation.field, 256), description=_cut(violation.description, 512), reason=violation.reason
        )
        for violation in violations
    ]
    return error_details_pb2.BadRequest(field_violations=_fitting(messages, room))


def _fitting(items: Sequence[_Item], room: int) -> list[_Item]:
    """The longest run of items from the first on that takes at most `room` bytes as a repeated field."""
    kept: list[_Item] = []
    for item in items:
        room -= item.ByteSize() + 4  # tag and length prefix
        if room < 0:
            break
        kept.append(item)
    return kept


def _metadata(error: DirectFlowError) -> dict[str, str]:
    known = dict(error.metadata)
    if error.sqlstate:
        known.setdefault("sqlstate", error.sqlstate)
    room = MAX_METADATA_BYTES
    kept: dict[str, str] = {}
    for key, value in known.items():
        short = value[:MAX_METADATA_VALUE_CHARACTERS]
        room -= len(key) + len(short.encode(errors="replace"))
        if room >= 0:
            kept[key] = _sound(short)
    return kept


def _packed(detail: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed


def _sound(text: str) -> str:
    """Protobuf refuses lone surrogates; an error must always be sendable."""
    return text.encode(errors="replace").decode()


def _cut(text: str, size: int) -> str:
    raw = text.encode(errors="replace")
    return raw.decode() if len(raw) <= size else raw[: size - 3].decode(errors="ignore") + "..."
