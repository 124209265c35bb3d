"""Migrations go forward once, whoever starts them and how many do at once."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from directflow_gateway.directflow_database import Migration, MigrationChanged, migrate, migrations
from directflow_gateway.engagement import partitions
from directflow_runtime.errors import DirectFlowError, StatusCode

RECORDED = "SELECT name FROM directflow.migrations ORDER BY name"


def soon() -> float:
    return time.monotonic() + 20


async def test_an_empty_database_gets_every_migration_and_a_second_start_none(own: Any, database: Any) -> None:
    names = tuple(migration.name for migration in migrations())

    assert await migrate(database, soon()) == names
    assert await migrate(database, soon()) == ()
    assert [name for (name,) in own.rows(RECORDED)] == list(names)


async def test_replicas_that_start_at_once_migrate_once(own: Any, open_database: Callable[..., Any]) -> None:
    replicas = [open_database(own) for _ in range(5)]

    applied = await asyncio.gather(*(migrate(replica, soon()) for replica in replicas))

    assert sorted(name for names in applied for name in names) == [migration.name for migration in migrations()]


async def test_replicas_that_start_at_once_prepare_their_partitions_without_getting_in_each_others_way(
    own: Any, open_database: Callable[..., Any]
) -> None:
    """One grants while another attaches: of two changes to a table's entry in the catalogue at once one fails."""

    async def prepare(replica: Any) -> None:
        for _ in range(5):
            await migrate(replica, soon())
            months = {(2027 + number // 12, 1 + number % 12) for number in random.sample(range(24), 4)}
            await partitions.make(replica, months, soon())

    await asyncio.gather(*(prepare(open_database(own)) for _ in range(5)))


async def test_a_populated_database_keeps_its_rows_through_a_later_migration(own: Any, database: Any) -> None:
    await migrate(database, soon())
    with own.admin() as admin:
        admin.execute("INSERT INTO directflow.engagement_subscriptions VALUES ('acme', 'ada', 'email', now())")
    later = Migration("0099_note.sql", "ALTER TABLE directflow.engagement_subscriptions ADD note text; SELECT 1;")

    assert await migrate(database, soon(), [*migrations(), later]) == ("0099_note.sql",)

    query = "SELECT profile_id, note, unsubscribed_at IS NOT NULL FROM directflow.engagement_subscriptions"
    assert own.rows(query) == [("ada", None, True)]


async def test_an_old_file_that_was_changed_is_refused(own: Any, database: Any) -> None:
    await migrate(database, soon())
    changed = [Migration(one.name, one.text + "\n-- a second thought") for one in migrations()]

    with pytest.raises(MigrationChanged, match=r"^0001_engagement\.sql$"):
        await migrate(database, soon(), changed)


async def test_what_a_newer_gateway_has_added_is_left_alone(own: Any, database: Any) -> None:
    newer = Migration("9999_newer.sql", "CREATE TABLE directflow.newer (); SELECT 1;")
    await migrate(database, soon(), [*migrations(), newer])

    assert await migrate(database, soon()) == ()
    assert ("9999_newer.sql",) in own.rows(RECORDED)


async def test_a_migration_that_fails_leaves_nothing_behind(own: Any, database: Any) -> None:
    broken = Migration("0050_broken.sql", "CREATE TABLE directflow.half (); SELECT 1 / 0;")

    with pytest.raises(DirectFlowError) as raised:
        await migrate(database, soon(), [*migrations(), broken])

    assert raised.value.sqlstate == "22012"
    assert own.rows("SELECT to_regclass('directflow.half')") == [(None,)]
    assert ("0050_broken.sql",) not in own.rows(RECORDED)
    assert await migrate(database, soon()) == ()


async def test_new_names_of_writer_and_reader_get_their_rights_at_the_next_start(
    own: Any, database: Any, open_database: Callable[..., Any]
) -> None:
    await migrate(database, soon())
    for name in ("writer", "reader"):
        role = own.server.create_role("LOGIN", f'{own.made.database} "new" {name}')
        own.write(name, role.name, role.password)

    await migrate(open_database(own), soon())

    reader = f'{own.made.database} "new" reader'
    query = "SELECT has_table_privilege(%s, 'directflow.engagement_events', %s)"
    with own.admin() as admin:
        assert [admin.execute(query, [reader, right]).fetchone() for right in ("SELECT", "INSERT")] == [
            (True,),
            (False,),
        ]


@pytest.mark.parametrize("content", [None, "", "{}", "password only", '{"password": "p"}'])
async def test_a_credential_that_cannot_be_used_is_an_outage_and_names_nothing(
    own: Any, database: Any, content: str | None
) -> None:
    file = own.folder / "writer.json"
    file.unlink() if content is None else file.write_text(content)

    with pytest.raises(DirectFlowError) as raised:
        await migrate(database, soon())

    assert (raised.value.code, raised.value.reason) == (StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
    assert raised.value.retry_after
    assert str(own.folder) not in str(raised.value) + repr(raised.value)


async def test_definitions_come_to_a_database_in_which_engagement_is_recorded(
    own: Any, open_database: Callable[..., Any]
) -> None:
    """Several gateways of the new version start at once on a database that the first version has filled."""
    with pytest.raises(DirectFlowError):  # at the grants, which are this version's; the migration stands by then
        await migrate(open_database(own), soon(), [one for one in migrations() if one.name.startswith("0001")])
    with own.admin() as admin:
        admin.execute("INSERT INTO directflow.engagement_subscriptions VALUES ('acme', 'ada', 'email', now())")
        admin.execute("INSERT INTO directflow.engagement_identities VALUES ('acme', gen_random_uuid(), now())")

    applied = await asyncio.gather(*(migrate(open_database(own), soon()) for _ in range(3)))

    assert "0002_definitions.sql" in {name for names in applied for name in names}
    assert own.rows("SELECT revision FROM directflow.definition_counter") == [(0,)]
    assert own.rows("SELECT count(*) FROM directflow.engagement_subscriptions") == [(1,)]
    assert own.rows("SELECT count(*) FROM directflow.engagement_identities") == [(1,)]
