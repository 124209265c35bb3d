"""Traces for tests: spans in a few words, times in milliseconds."""

from typing import Any

from directflow_cli.traces.spans import Span

MS = 1_000_000
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
BEGIN = 1_764_000_000_000 * MS


def span(span_id: str, parent: str, start: float, end: float, **more: Any) -> Span:
    values = {"name": f"span {span_id}", "service": "directflow-segments", "status": "UNSET", "trace_id": TRACE, **more}
    return Span(
        span_id=span_id,
        parent_id=parent,
        start_ns=BEGIN + round(start * MS),
        end_ns=BEGIN + round(end * MS),
        **values,
    )


def call(span_id: str, parent: str, start: float, end: float, service: str, **more: Any) -> Span:
    """A span of an RPC; `status` and `reason` as it ended."""
    code, reason = more.pop("code", "OK"), more.pop("reason", "")
    attributes = {"rpc.method": "directflow.x.v1.X/Y", "rpc.response.status_code": code, **more.pop("attributes", {})}
    if reason:
        attributes["error.type"] = reason
    values = {"name": "directflow.x.v1.X/Y", **more}
    return span(span_id, parent, start, end, service=f"directflow-{service}", attributes=attributes, **values)


def statement(span_id: str, parent: str, start: float, end: float, **attributes: Any) -> Span:
    """A statement on a customer's database."""
    known = {
        "db.system.name": "postgresql",
        "db.namespace": "shop",
        "directflow.connection": "workspaces/w/connections/customer",
        "directflow.definition": "workspaces/w/dataSources/communities",
        "directflow.definition.revision": 3,
    }
    more = {name.replace("__", "."): value for name, value in attributes.items()}
    return span(
        span_id, parent, start, end, name="stream communities", service="directflow-gateway", attributes=known | more
    )


def stream(begin: float = 0, end: float = 100, *below: Span, **attributes: Any) -> list[Span]:
    """An audience: caller, segments, gateway, and the statement from 10 ms after the begin to 10 ms before the end."""
    return [
        span("a", "", begin, end, name="audience stream", service="directflow-cli"),
        call("b", "a", begin, end, "cli", kind="CLIENT"),
        call("c", "b", begin, end, "segments", kind="SERVER"),
        call("d", "c", begin, end, "segments", kind="CLIENT"),
        call("e", "d", begin, end, "gateway", kind="SERVER"),
        *below,
        statement("f", "e", begin + 10, end - 10, **attributes),
    ]
