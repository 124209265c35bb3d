"""Questions to the customer's catalogue that advice can do without."""

from collections.abc import Iterable, Sequence

import psycopg

from directflow_gateway.description.exchange import Connection, Row, fetch
from directflow_gateway.execution.sqlstate import Phase, translate


async def asked(conn: Connection, text: str, values: Sequence[str | None]) -> list[Row]:
    """The rows; none where the role may not look that up. The caller's transaction stays usable.

    Raises DirectFlowError when the server goes away.
    """
    try:
        await fetch(conn, "SAVEPOINT _df_advice")
        return await fetch(conn, text, values)
    except psycopg.OperationalError as error:
        raise translate(error, None, Phase.PLAN) from None
    except psycopg.Error:
        # A hardened catalogue, such as one where PUBLIC may not read pg_stats, costs the advice and not the report.
        await fetch(conn, "ROLLBACK TO SAVEPOINT _df_advice")
        return []


def array_of(elements: Iterable[str]) -> str:
    """An array literal; every element is quoted."""
    escaped = (element.replace("\\", "\\\\").replace('"', '\\"') for element in elements)
    return "{" + ",".join(f'"{element}"' for element in escaped) + "}"
