"""The call that is being served: who asks, until when, under which trace.

One context variable carries it, so that no function between the servicer and the place that needs the deadline has to
pass it on. This module imports neither grpc nor protobuf.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from directflow_runtime.errors import StatusCode

ALL_WORKSPACES = "*"

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler may know of the RPC it serves."""

    deadline: float
    """On the clock of `time.monotonic()`, in seconds; `math.inf` for a watch, which ends with its client."""
    identity: str
    """Name of the caller, from its certificate; "development" on loopback where the settings allow it."""
    workspaces: frozenset[str]
    """Ids of the workspaces that the caller may use; `{"*"}` for all."""
    trace_id: str
    """32 hex digits; it is the request id that errors show."""
    span_id: str
    """16 hex digits."""
    method: str
    """"directflow.gateway.v1.QueryService/StreamQuery"."""
    may_define: bool = False
    """True when the caller writes definitions: only then do errors carry positions, tokens and hints."""

    def remaining(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.deadline - time.monotonic())

    def may_use(self, workspace: str) -> bool:
        """True when the caller may use this workspace (an id, not a resource name)."""
        return ALL_WORKSPACES in self.workspaces or workspace in self.workspaces


@dataclass(slots=True)
class CallRecord:
    """What the log line and the span of a call say in the end; filled in by the interceptors on the way."""

    method: str
    trace_id: str = ""
    span_id: str = ""
    started: float = field(default_factory=time.monotonic)
    deadline: float | None = None
    identity: str = ""
    may_define: bool = False
    resource: str = ""
    code: StatusCode | None = None
    reason: str = ""
    rows: int | None = None
    bytes_sent: int | None = None
    """Of a stream's messages; None for a call that streams nothing."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What the caller's baggage says under the keys of the settings: told, handed on, and never decided by."""
    reader_s: float = 0.0
    """How long a stream waited for its reader to take what was sent."""


class _Scope(AbstractContextManager[_Value], Generic[_Value]):
    """A context variable's value for the length of a block; a generator would cost each call five times as much."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[_Value], value: _Value) -> None:
        self._variable = variable
        self._value = value

    def __enter__(self) -> _Value:
        self._token: Token[_Value] = self._variable.set(self._value)
        return self._value

    def __exit__(self, *exc: object) -> None:
        self._variable.reset(self._token)


_call: ContextVar[Call] = ContextVar("directflow_call")
_record: ContextVar[CallRecord] = ContextVar("directflow_call_record")


def current_call() -> Call:
    """The call that this code runs for. Raises LookupError outside of any RPC."""
    try:
        return _call.get()
    except LookupError:
        raise LookupError("no call is being served here; a test may use call_scope()") from None


def call_scope(call: Call) -> AbstractContextManager[Call]:
    """Makes `call` the current one within the block."""
    return _Scope(_call, call)


def record_scope(record: CallRecord) -> AbstractContextManager[CallRecord]:
    """Makes `record` the one that `note` writes to within the block."""
    return _Scope(_record, record)


def current_record() -> CallRecord | None:
    """The record of the call that this code runs for; None outside of any RPC."""
    return _record.get(None)


def note(*, resource: str | None = None, rows: int | None = None) -> None:
    """Adds to the call's log line and span: the resource it is about, the rows it delivered. No-op outside an RPC."""
    record = current_record()
    if record is None:
        return
    if resource is not None:
        record.resource = resource
    if rows is not None:
        record.rows = rows
