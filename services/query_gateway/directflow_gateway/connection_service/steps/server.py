"""The steps on a session: what server it is, what the role may do, and how far away it is."""

import time
from typing import Final

from directflow_gateway.connection_service.step import Outcome, Step, StepName, TestReport, failed
from directflow_gateway.connection_service.steps import mending
from directflow_gateway.connections import Connection
from directflow_gateway.description.exchange import fetch
from directflow_gateway.execution import GatewayConnection
from directflow_gateway.role_doctor import Finding, Rights, Weight, examine, findings_for, refuses, role_of

OLDEST: Final = 14
NEWEST: Final = 18
"""Major versions of PostgreSQL that DirectFlow is made for and tested with."""
ROUND_TRIPS: Final = 3
FAR_S: Final = 0.1
FEEDBACK: Final = "ALTER SYSTEM SET hot_standby_feedback = on;\nSELECT pg_reload_conf();"

_FACTS = """
SELECT pg_catalog.current_setting('server_version'), pg_catalog.current_setting('server_version_num'),
  pg_catalog.pg_is_in_recovery(), pg_catalog.pg_backend_pid(), pg_catalog.current_setting('hot_standby_feedback')
"""


async def server(session: GatewayConnection, report: TestReport) -> Step:
    """Version, primary or replica, and whether a pooler stands in front. Fills `report`'s own fields."""
    ((version, number, recovering, pid, feedback),) = await fetch(session, _FACTS)
    major = int(number or 0) // 10_000
    report.server_version = (version or "").split(" ")[0]
    report.replica = recovering == "t"
    if major < OLDEST:
        message = f"PostgreSQL {report.server_version} is too old."
        raise failed(StepName.SERVER, message, f"DirectFlow needs PostgreSQL {OLDEST} or newer.")
    what = "a read replica" if report.replica else "the primary"
    # A pooler makes up the number of the session, to find it again when somebody cancels.
    pooled = ", behind a pooler" if str(session.pgconn.backend_pid) != pid else ""
    message = f"PostgreSQL {report.server_version}, {what}{pooled}."
    if major > NEWEST:
        advice = f"This version of DirectFlow was tested up to PostgreSQL {NEWEST}."
        return Step(StepName.SERVER, Outcome.WARNING, message, advice)
    if report.replica and feedback == "off":
        advice = "The replica may cancel long streams when the primary cleans up: turn hot_standby_feedback on there."
        return Step(StepName.SERVER, Outcome.WARNING, message, advice, FEEDBACK)
    return Step(StepName.SERVER, Outcome.OK, message)


async def role(session: GatewayConnection, connection: Connection, rights: Rights) -> Step:
    """What the role doctor finds, and whether there is anything to read at all."""
    findings = findings_for(connection, session.pgconn, await examine(session))
    message = " ".join(finding.message for finding in findings)
    sql = "\n".join(finding.mending_sql for finding in findings if finding.mending_sql)
    if any(finding.weight is Weight.DANGER for finding in findings):
        # Not the doctor's ALTER ROLE ... NOSUPERUSER: it is often the only superuser that the server has.
        sql = mending.fresh_role(connection.database, rights.schemas or ("public",))
    if any(refuses(connection.role_policy, finding) for finding in findings):
        advice = "The connection's role policy refuses this role: use one that can only read."
        raise failed(StepName.ROLE, message, advice, sql)
    if not rights.readable:
        nothing = "The role may read no table of this database."
        granted = f"{mending.grant_reading(role_of(connection))}\n{sql}".rstrip()
        advice = "Grant it the schemas that segments and conditions read."
        return Step(StepName.ROLE, Outcome.WARNING, f"{nothing} {message}".rstrip(), advice, granted)
    return _doctored(findings, message, sql, rights)


def future_tables(rights: Rights) -> Step:
    """Whether what is created tomorrow can be read."""
    if not rights.owners:
        message = "The role reads in no schema yet, so nothing can be said of tables that are still to come."
        return Step(StepName.FUTURE_TABLES, Outcome.WARNING, message, "Grant it what it is to read, then test again.")
    schemas = ", ".join(rights.schemas)
    if not rights.uncovered:
        who = ", ".join(dict.fromkeys(owner.name for owner in rights.owners))
        return Step(StepName.FUTURE_TABLES, Outcome.OK, f"What {who} will create in {schemas} can be read.")
    whose = ", ".join(f"{owner.name} in {owner.schema}" for owner in rights.uncovered)
    return Step(
        StepName.FUTURE_TABLES,
        Outcome.WARNING,
        f"The role will not be able to read what is created by {whose}.",
        "Let each of these owners, or a superuser, run the SQL once.",
        "\n".join(owner.mending_sql for owner in rights.uncovered),
    )


async def round_trip(session: GatewayConnection, report: TestReport) -> Step:
    """The shortest of a few. Fills `report.round_trip_s`."""
    times = []
    for _ in range(ROUND_TRIPS):
        started = time.perf_counter()
        await fetch(session, "SELECT 1")
        times.append(time.perf_counter() - started)
    report.round_trip_s = min(times)
    message = f"One round trip takes {report.round_trip_s * 1000:.1f} ms."
    if report.round_trip_s > FAR_S:
        return Step(StepName.ROUND_TRIP, Outcome.WARNING, message, "Use a database, or a replica, that is nearer.")
    return Step(StepName.ROUND_TRIP, Outcome.OK, message)


def _doctored(findings: tuple[Finding, ...], message: str, sql: str, rights: Rights) -> Step:
    reads = f"The role may read {_counted(rights)} in {', '.join(rights.schemas)}."
    if all(finding.weight is Weight.NOTE for finding in findings):
        advice = "Nothing has to be done; the SQL takes away what reading does not need." if findings else ""
        return Step(StepName.ROLE, Outcome.OK, f"{reads} {message}".rstrip(), advice, sql)
    advice = "The role can do more than read, which DirectFlow does not need: take it away."
    return Step(StepName.ROLE, Outcome.WARNING, f"{reads} {message}", advice, sql)


def _counted(rights: Rights) -> str:
    if rights.readable == 1:
        return "one table or view"
    return f"{rights.readable:,}{' or more' if rights.more else ''} tables and views"
