"""What a statement's names mean, exactly: the server's own rewritten query trees for it."""

import psycopg

from directflow_gateway.description.exchange import Connection, fetch, parse_and_describe
from directflow_gateway.execution.sqlstate import Phase, translate
from directflow_gateway.sql import CompiledStatement
from directflow_gateway.sql.catalogue import NodeObjects
from directflow_gateway.sql.node_tree import objects_in

# LOG messages go to the server's own log as well: one entry for each statement that is asked about.
_PRINT_TREES = """
SELECT pg_catalog.set_config('debug_print_rewritten', 'on', true),
  pg_catalog.set_config('debug_pretty_print', 'off', true),
  pg_catalog.set_config('client_min_messages', 'log', true)
"""


async def resolve(conn: Connection, compiled: CompiledStatement) -> list[NodeObjects]:
    """The objects in each rewritten tree of a statement that Describe has accepted; nothing is executed.

    Within the caller's open read-only transaction, which stays usable. Raises DirectFlowError.
    """
    trees: list[str] = []

    def collect(notice: psycopg.errors.Diagnostic) -> None:
        trees.append(notice.message_detail or "")

    try:
        await fetch(conn, "SAVEPOINT _df_resolve")
        await fetch(conn, _PRINT_TREES)
        conn.add_notice_handler(collect)
        try:
            await parse_and_describe(conn, compiled.text)
        finally:
            conn.remove_notice_handler(collect)
        await fetch(conn, "ROLLBACK TO SAVEPOINT _df_resolve")
    except psycopg.Error as error:
        raise translate(error, compiled, Phase.DESCRIBE) from None
    return [objects_in(tree) for tree in trees if tree.startswith("(")]
