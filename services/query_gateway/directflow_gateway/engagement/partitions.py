"""Partitions of the events: one for each month, made ahead and when an event needs one, dropped after the retention.

Made apart and attached: attaching lets readers and writers go on, where CREATE TABLE ... PARTITION OF would wait for
all of them and make everybody else wait behind it. A partition has row level security of its own and no policy: only
the way through the table itself leads to a row, whatever default privileges a DBA has set.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from directflow_gateway.directflow_database import TAKE_LOCK, DatabaseRole, DirectFlowDatabase, Transaction
from directflow_gateway.engagement.instants import DAY_US, as_text, following, month_of, start_of
from directflow_gateway.execution.wire import Statement

NAMES = Statement(
    "SELECT c.relname FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'directflow.engagement_events'::pg_catalog.regclass ORDER BY 1"
)
CREATE = """
DO $do$ BEGIN
    IF pg_catalog.to_regclass('directflow.{name}') IS NULL THEN
        CREATE TABLE directflow.{name} (LIKE directflow.engagement_events INCLUDING ALL);
        ALTER TABLE directflow.{name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        ALTER TABLE directflow.engagement_events ATTACH PARTITION directflow.{name}
            FOR VALUES FROM ('{begin}') TO ('{end}');
    END IF;
END $do$"""
DROP_WITHIN = Statement("SELECT pg_catalog.set_config('lock_timeout', '500ms', true)")
"""While a DROP waits for the calls that are running, every later one waits behind it."""
EXPIRE = """
DELETE FROM directflow.engagement_identities WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM directflow.engagement_identities WHERE occurred_on < $1::date LIMIT {rows}
))"""
EXPIRED_AT_ONCE = 200_000
"""Identities that one transaction deletes: what was deleted stays so when the time is up."""
AHEAD_DAYS = 45

Month = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Retained:
    """The time that events may have, in microseconds since 1970."""

    earliest_us: int
    now_us: int

    @classmethod
    def at(cls, now_us: int, retention_days: int) -> "Retained":
        """What a retention keeps now."""
        return cls(now_us - retention_days * DAY_US, now_us)

    def is_over(self, month: Month) -> bool:
        """True when nothing of the month is kept any more."""
        return start_of(following(month)) <= self.earliest_us

    def months_of(self, instants: Iterable[int]) -> set[Month]:
        """The months of those instants that are kept."""
        return months_of(instant for instant in instants if instant >= self.earliest_us)

    @property
    def months_ahead(self) -> set[Month]:
        """Those that events of the next weeks need."""
        return months_of(self.now_us + days * DAY_US for days in range(AHEAD_DAYS))


def months_of(instants: Iterable[int]) -> set[Month]:
    """The months of some instants. By day first: there are few days and may be ten thousand instants."""
    return {month_of(day * DAY_US) for day in {instant // DAY_US for instant in instants}}


async def make(database: DirectFlowDatabase, months: Collection[Month], deadline: float) -> None:
    """Makes what is missing of these months' partitions. What `DirectFlowDatabase.run` raises."""
    statements = [Statement(_create(month)) for month in sorted(months)]
    if statements:
        await database.run(_owner("make partitions", "CREATE TABLE", deadline), TAKE_LOCK, *statements)


async def drop_expired(database: DirectFlowDatabase, retained: Retained, deadline: float) -> tuple[str, ...]:
    """Drops the months of which nothing is retained any more, and forgets their identities; the dropped tables.

    A month is dropped with a short exclusive lock on the events; where that does not come in half a second,
    STORE_UNAVAILABLE is raised, and the next attempt goes on.
    """
    (found,) = await database.run(_owner("list partitions", "SELECT", deadline), NAMES)
    names = [(found.get_value(row, 0) or b"").decode() for row in range(found.ntuples)]
    expired = tuple(name for name in names if retained.is_over(_month(name)))
    for name in expired:
        # One each: every transaction that is running has to end before the lock comes.
        drop = Statement(f"DROP TABLE IF EXISTS directflow.{name}")
        await database.run(_owner("drop partition", "DROP TABLE", deadline), TAKE_LOCK, DROP_WITHIN, drop)
    await _forget(database, retained, deadline)
    return expired


async def _forget(database: DirectFlowDatabase, retained: Retained, deadline: float) -> None:
    # Not before their events: those of a month go together.
    first_kept = as_text(start_of(month_of(retained.earliest_us)))[:10]
    expire = Statement(EXPIRE.format(rows=EXPIRED_AT_ONCE), (first_kept,))
    while True:
        (deleted,) = await database.run(_owner("forget identities", "DELETE", deadline), expire)
        if (deleted.command_tuples or 0) < EXPIRED_AT_ONCE:
            return


def _create(month: Month) -> str:
    begin, end = as_text(start_of(month)), as_text(start_of(following(month)))
    return CREATE.format(name=_name(month), begin=begin, end=end)


def _name(month: Month) -> str:
    return f"engagement_events_{month[0]:04}_{month[1]:02}"


def _month(name: str) -> Month:
    year, number = name.rsplit("_", 2)[1:]
    return int(year), int(number)


def _owner(summary: str, operation: str, deadline: float) -> Transaction:
    return Transaction(DatabaseRole.OWNER, summary, operation, deadline, application_name="directflow/upkeep")
