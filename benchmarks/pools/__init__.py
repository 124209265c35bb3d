"""Our pool beside psycopg_pool: what a call pays, and what happens when the server or the password changes.

This is why the gateway has a pool of its own.
"""

import logging

from directflow_cli.dev import postgres_binaries
from directflow_cli.dev.postgres import PostgresServer

from benchmarks.measuring import Pace
from benchmarks.pools import calls, logins, restarts
from benchmarks.table import Report

MOST_SESSIONS = "100"


async def run(pace: Pace, report: Report) -> None:
    """Measures and prints."""
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # it tells of each failed login, with the user's name
    settings = {"log_connections": "on", "max_connections": MOST_SESSIONS}
    with PostgresServer.create(postgres_binaries.choose("system-first"), settings) as server:
        await calls.run(server, pace, report)
        await restarts.run(server, pace, report)
        await logins.run(server, pace, report)
