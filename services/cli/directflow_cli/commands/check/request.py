"""One check as a request, unless no request can hold it: those are rejected here, without asking anybody."""

from dataclasses import dataclass
from typing import Any, Final

from directflow.gateway.v1 import query_service_pb2 as wire
from directflow.sql.v1 import sql_pb2
from google.protobuf.duration_pb2 import Duration

from directflow_cli.commands.check.corpus import Check, TooLarge
from directflow_cli.commands.check.functions_used import functions_used
from directflow_cli.commands.check.verdicts import Outcome, Verdict
from directflow_cli.commands.variables import value_of

MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024 - 64 * 1024
"""Below the 4 MiB that a gRPC server takes by default: beyond, the status would be gRPC's own and say nothing."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is equal for all checks of a run."""

    connection: str
    """Resource name."""
    statement_timeout_s: float
    max_rows: int
    max_bytes: int

    def limits(self) -> wire.QueryLimits:
        """The limits of each check."""
        timeout = Duration()
        timeout.FromNanoseconds(round(self.statement_timeout_s * 1e9))
        return wire.QueryLimits(max_rows=self.max_rows, max_bytes=self.max_bytes, statement_timeout=timeout)


def request_for(check: Check, frame: Frame) -> wire.StreamQueryRequest | Outcome:
    """The request, or why there is none."""
    if isinstance(check.sql, TooLarge) or any(isinstance(value, TooLarge) for value in check.variables.values()):
        return _rejected(check, "the SQL or a value is larger than any request may be")
    try:
        request = _request(check, check.sql, frame)
    except (UnicodeError, ValueError):  # what protobuf says of lone surrogates, which UTF-8 does not have
        return _rejected(check, "the SQL or a value is not valid Unicode")
    except TypeError:
        return _rejected(check, "a value is neither a scalar nor a list of scalars")
    if request.ByteSize() > MAX_REQUEST_BYTES:
        return _rejected(check, "the request is larger than 4 MiB")
    return request


def _request(check: Check, sql: str, frame: Frame) -> wire.StreamQueryRequest:
    statement = wire.Statement(
        connection=frame.connection,
        template=sql,
        variables=[
            sql_pb2.Variable(name=name, list=True) for name, value in check.variables.items() if isinstance(value, list)
        ],
        role=wire.STATEMENT_ROLE_AD_HOC,
        limits=frame.limits(),
        allowed_functions=functions_used(sql) if check.allows_functions else (),
    )
    values: dict[str, Any] = {name: value_of(value) for name, value in check.variables.items()}
    return wire.StreamQueryRequest(
        statement=statement, values=values, encoding=wire.ENCODING_ARROW, value_form=wire.VALUE_FORM_TEXT
    )


def _rejected(check: Check, message: str) -> Outcome:
    return Outcome(check.id, Verdict.REJECTED, reason="INVALID_REQUEST", message=message)
