"""What the tests of running statements share: plans, and a stream read to its end."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from directflow_gateway.connections import Limits
from directflow_gateway.description import ColumnType
from directflow_gateway.description.result import wire_type
from directflow_gateway.execution import GatewayConnection, StreamPlan, StreamProgress, ValueForm, stream


@pytest.fixture
def plan_of(postgres: Any, postgres_database: str) -> Callable[..., StreamPlan]:
    """`plan_of(sql, width=..., form=...)`: the plan of a statement, by asking the server for its columns."""

    def ask(sql: str, **known: Any) -> StreamPlan:
        with psycopg.connect(postgres.admin_dsn(postgres_database), cursor_factory=psycopg.RawCursor) as admin:
            described = admin.execute(f"SELECT * FROM ({sql}\n) AS _df_q LIMIT 0").description or []
            columns = tuple(ColumnType(c.name, c.type_display, c.type_code, wire_type(c.type_code)) for c in described)
        return StreamPlan(columns, **known)

    return ask


@pytest.fixture
def collect(plan_of: Callable[..., StreamPlan]) -> Callable[..., Any]:
    """`await collect(session, sql, parameters, ...)`: a stream's batches and its last progress."""

    async def read(
        session: GatewayConnection,
        sql: str,
        parameters: tuple[str | None, ...] = (),
        *,
        plan: StreamPlan | None = None,
        form: ValueForm = ValueForm.TYPED,
        width: int = 0,
        limits: Limits | None = None,
        **lowered: Any,
    ) -> tuple[list[pa.RecordBatch], StreamProgress]:
        plan = plan or plan_of(sql, form=form, width=width)
        told: list[StreamProgress] = []
        within = limits or replace(Limits(), **lowered)
        async with aclosing(stream(session, sql, parameters, plan, within, told.append)) as batches:
            return [batch async for batch in batches], told[-1]

    return read


@pytest.fixture
def values() -> Callable[[list[pa.RecordBatch]], list[tuple[Any, ...]]]:
    """The cells of batches as rows of Python values."""

    def rows(batches: list[pa.RecordBatch]) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]

    return rows
