"""A look at the role of a database URL before the check: is it there, and is it a superuser?"""

from contextlib import aclosing
from typing import Any, Final

from directflow.gateway.v1 import query_service_pb2 as wire
from directflow.gateway.v1 import query_service_pb2_grpc as stubs
from directflow_runtime.channel import responses

from directflow_cli.commands.check.request import Frame

_SQL: Final = "SELECT current_setting('is_superuser')"


async def is_superuser(channel: Any, frame: Frame, timeout_s: float) -> bool:
    """Asks PostgreSQL. Raises AioRpcError: a database that cannot be used is one error, not one for each line."""
    stub: Any = stubs.QueryServiceStub(channel)  # type: ignore[no-untyped-call]
    statement = wire.Statement(
        connection=frame.connection,
        template=_SQL,
        role=wire.STATEMENT_ROLE_AD_HOC,
        allowed_functions=["current_setting"],
    )
    request = wire.StreamQueryRequest(
        statement=statement, encoding=wire.ENCODING_COLUMNS, value_form=wire.VALUE_FORM_TEXT
    )
    received: Any = responses(stub.StreamQuery(request, timeout=timeout_s))
    told: list[str] = []
    async with aclosing(received) as messages:
        async for message in messages:
            told.extend(message.batch.columns.columns[0].texts if message.HasField("batch") else ())
    return told == ["on"]
