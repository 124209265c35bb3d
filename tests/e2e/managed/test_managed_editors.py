"""Two editors at once: one wins, the other is told, and every save that was acknowledged is in the history, once."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest
from directflow_cli.definitions.kinds import CONDITION, CONNECTION, DATA_SOURCE, Kind
from directflow_runtime.errors import StatusCode
from directflow_runtime.remote import remote_error

ROUNDS = 15
APPLY_ROUNDS = 2
EDITORS = 4
CHANGED_EXIT = 9
PROCESS_S = 60.0
CONDITIONS = ("first", "second", "third")


def marked(clients: Any, kind: Kind, id: str, mark: str) -> Any:
    """A new state of a resource, told apart by its mark."""
    if kind is CONDITION:
        return clients.make_adult("a", display_name=mark, name=kind.full_name("a", id))
    return clients.make_people("a", display_name=mark, name=kind.full_name("a", id))


def mark_of(kind: Kind, revision: Any) -> str:
    return str(getattr(revision, kind.field).display_name)


async def outcome(call: Any) -> Any:
    """The saved resource, or why not."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        return remote_error(error)


def told_apart(outcomes: list[Any]) -> tuple[list[Any], list[Any]]:
    """Who won, and who was told; any other outcome is none."""
    winners = [one for one in outcomes if not isinstance(one, Exception)]
    losers = [one for one in outcomes if isinstance(one, Exception)]
    assert {(one.code, one.reason) for one in losers} <= {(StatusCode.ABORTED, "ETAG_MISMATCH")}
    return winners, losers


@pytest.mark.parametrize("kind", [DATA_SOURCE, CONDITION], ids=lambda kind: kind.name)
async def test_of_two_editors_who_read_the_same_revision_one_wins_every_time(clients: Any, kind: Kind) -> None:
    saved = await clients.create(kind, "edited", marked(clients, kind, "edited", "created"))
    acknowledged = ["created"]
    for number in range(ROUNDS):
        edits = [marked(clients, kind, "edited", f"{number} through replica {replica}") for replica in (1, 2)]
        for edit in edits:
            edit.etag = saved.etag
        outcomes = await asyncio.gather(
            *(outcome(clients.update(kind, edit, replica)) for replica, edit in enumerate(edits, 1))
        )
        (saved,), (_,) = told_apart(outcomes)
        acknowledged.append(saved.display_name)

    revisions = await clients.revisions(kind, "edited")
    assert [mark_of(kind, one) for one in reversed(revisions)] == acknowledged
    assert revisions[0].revision == saved.revision


@pytest.mark.parametrize("kind", [DATA_SOURCE, CONDITION], ids=lambda kind: kind.name)
async def test_editors_who_start_over_when_they_are_told_all_come_through(clients: Any, kind: Kind) -> None:
    await clients.create(kind, "contended", marked(clients, kind, "contended", "created"))
    await clients.everywhere(kind, "contended")
    acknowledged: dict[int, str] = {}

    async def edit(editor: int) -> None:
        for number in range(ROUNDS // 5):
            while True:
                read = await clients.get(kind, "contended", replica=1 + editor % 2)
                read.display_name = f"{number} of editor {editor}"
                saved = await outcome(clients.update(kind, read, 1 + editor % 2))
                if not isinstance(saved, Exception):
                    acknowledged[saved.revision] = saved.display_name
                    break
                told_apart([saved])
                await asyncio.sleep(random.uniform(0.0, 0.05))

    await asyncio.gather(*(edit(editor) for editor in range(EDITORS)))

    revisions = await clients.revisions(kind, "contended", replica=2)
    assert len(acknowledged) == EDITORS * (ROUNDS // 5)
    assert {one.revision: mark_of(kind, one) for one in revisions[:-1]} == acknowledged


async def test_of_two_who_create_the_same_name_one_wins_every_time(clients: Any) -> None:
    for number in range(ROUNDS // 5):
        outcomes = await asyncio.gather(
            *(outcome(clients.create(CONDITION, f"new-{number}", clients.make_adult("a"), replica=r)) for r in (1, 2))
        )
        errors = [one for one in outcomes if isinstance(one, Exception)]
        assert [(one.code, one.reason) for one in errors] == [(StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")]
        assert len(await clients.revisions(CONDITION, f"new-{number}")) == 1


async def test_of_two_who_change_a_connection_through_two_gateways_one_wins_every_time(clients: Any) -> None:
    saved = await clients.get(CONNECTION, "customer", replica=2)
    before = len(await clients.revisions(CONNECTION, "customer", replica=2))
    for number in range(ROUNDS // 5):
        edits = [type(saved).FromString(saved.SerializeToString()) for _ in range(2)]
        for replica, edit in enumerate(edits, 2):
            edit.limits.lock_timeout.FromMilliseconds(1000 + 2 * number + replica)
        outcomes = await asyncio.gather(
            *(outcome(clients.update(CONNECTION, edit, replica)) for replica, edit in enumerate(edits, 2))
        )
        (saved,), (_,) = told_apart(outcomes)
    assert len(await clients.revisions(CONNECTION, "customer", replica=3)) == before + ROUNDS // 5


# --- the command line, in processes of its own ------------------------------------------------------------------------


@pytest.fixture
def apply(system: Any, tmp_path: Path) -> Callable[[int, str], subprocess.Popen[str]]:
    """`apply(replica, yaml)` starts `directflow apply -f -` as an editor of his own."""

    def start(replica: int, text: str) -> subprocess.Popen[str]:
        where = {
            f"DIRECTFLOW_{service.upper()}": system.processes[f"{service}-{replica}"].address
            for service in ("gateway", "segments", "conditions")
        }
        folders = {"DIRECTFLOW_STATE_DIR": str(tmp_path), "DIRECTFLOW_CONFIG": str(tmp_path / "config.toml")}
        process = subprocess.Popen(
            [sys.executable, "-m", "directflow_cli", "apply", "-f", "-", "-o", "json"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **where, **folders, "DIRECTFLOW_WORKSPACE": "a"},
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.close()
        process.stdin = None  # communicate would flush it again
        return process

    return start


def saves_waiting(system: Any) -> int:
    """Saves that wait for their turn."""
    waiting = "usename = 'directflow_writer' AND wait_event_type = 'Lock'"
    return int(system.own_rows(f"SELECT count(*) FROM pg_stat_activity WHERE {waiting}")[0][0])


def documents(mark: str) -> str:
    sql = "SELECT age >= 18 AS result FROM people WHERE id = '<%= profile_id %>'"
    spec = f'spec: {{display_name: {mark}, sql: {{connection: customer, sql: "{sql}"}}}}'
    return "---\n".join(f"kind: Condition\nid: applied-{id}\n{spec}\n" for id in CONDITIONS)


def marks(revisions: list[Any]) -> list[str]:
    return [mark_of(CONDITION, one) for one in reversed(revisions)]


async def test_of_two_who_apply_at_the_same_moment_one_wins_and_the_other_is_told_with_exit_code_9(
    system: Any, clients: Any, apply: Any, eventually: Any
) -> None:
    """No save gets its turn before both have read: so both have seen the same revision of everything."""
    for id in CONDITIONS:
        await clients.create(CONDITION, f"applied-{id}", clients.make_adult("a", display_name="created"))
    won: dict[str, list[str]] = {id: ["created"] for id in CONDITIONS}

    async def both_wait() -> bool:
        return saves_waiting(system) == 2

    for number in range(APPLY_ROUNDS):
        with psycopg.connect(system.own_server.admin_dsn(system.own.database)) as locker:
            locker.execute("SELECT * FROM directflow.definition_counter FOR UPDATE")
            editors = [apply(replica, documents(f"round {number} of {replica}")) for replica in (1, 2)]

            await eventually(both_wait, PROCESS_S)
        said = [await asyncio.to_thread(editor.communicate, timeout=PROCESS_S) for editor in editors]
        became = [
            {one["name"].rpartition("/")[2]: one["outcome"] for one in json.loads(out)["resources"]} for out, _ in said
        ]
        for id in CONDITIONS:
            assert sorted(each[f"applied-{id}"] for each in became) == ["conflict", "updated"]
            winner = 1 if became[0][f"applied-{id}"] == "updated" else 2
            won[id].append(f"round {number} of {winner}")
        for editor, outcomes in zip(editors, became, strict=True):
            assert editor.returncode == (CHANGED_EXIT if "conflict" in outcomes.values() else 0)

    for id, expected in won.items():
        assert marks(await clients.revisions(CONDITION, f"applied-{id}")) == expected
