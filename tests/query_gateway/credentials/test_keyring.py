"""A connection's credential stays fresh in the background, and nobody waits for it who has one."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import pytest
from directflow_gateway.credentials import Credential, Keyring, Keyrings
from directflow_gateway.credentials.unavailable import CredentialsUnavailable

from ..vault.sessions import until
from .scripted_source import ScriptedSource, connection

CALL: ContextVar[str] = ContextVar("call")
READING = "directflow_gateway.credentials.reading"
KEYRING = "directflow_gateway.credentials.keyring"
DOUBT = "directflow_gateway.credentials.doubt"


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource()


@pytest.fixture
async def keyring(source: ScriptedSource) -> AsyncIterator[Keyring]:
    keyrings = Keyrings(source, epoch=lambda: source.epoch)
    yield keyrings.of(connection())
    await keyrings.aclose()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rhythm for tests: 15 s are 50 ms."""
    monkeypatch.setattr(f"{READING}.FRESH_S", 0.05)
    monkeypatch.setattr(f"{READING}.BACKOFF_S", 0.02)
    monkeypatch.setattr(f"{READING}.LONGEST_BACKOFF_S", 0.04)
    monkeypatch.setattr(f"{KEYRING}.FORCED_S", 0.05)
    monkeypatch.setattr(f"{KEYRING}.PATIENCE_S", 0.05)
    monkeypatch.setattr(f"{KEYRING}.TICK_S", 0.05)


async def test_many_who_need_the_first_credential_ask_the_source_once(source: ScriptedSource, keyring: Keyring) -> None:
    source.gate = asyncio.Event()
    asked = [asyncio.create_task(keyring.credential()) for _ in range(20)]
    await until(lambda: source.asked)
    source.gate.set()
    assert {credential.generation for credential in await asyncio.gather(*asked)} == {"one"}
    assert source.asked == [False]


async def test_who_leaves_while_it_is_read_takes_it_away_from_nobody(source: ScriptedSource, keyring: Keyring) -> None:
    source.gate = asyncio.Event()
    left, stays = asyncio.create_task(keyring.credential()), asyncio.create_task(keyring.credential())
    await until(lambda: source.asked)
    left.cancel()
    source.gate.set()
    assert (await stays).generation == "one"
    assert source.asked == [False]


async def test_a_new_credential_comes_without_anybody_waiting(
    source: ScriptedSource, keyring: Keyring, hurried: None
) -> None:
    await keyring.credential()
    source.password, source.gate = "two", asyncio.Event()  # the source hangs
    await until(lambda: len(source.asked) > 1)
    assert (await keyring.credential()).generation == "one"
    source.gate.set()
    await until(lambda: len(source.asked) > 2)
    assert (await keyring.credential()).generation == "two"


class Watched(ScriptedSource):
    """Remembers for which call it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.for_whom: list[str] = []

    async def read(self, *args: Any, **more: Any) -> Credential:
        self.for_whom.append(CALL.get("nobody"))
        return await super().read(*args, **more)


async def test_only_what_a_call_waits_for_is_read_in_its_context(hurried: None) -> None:
    """All others would be spans and log lines of a call that ended long ago."""
    source = Watched()
    keyrings = Keyrings(source, epoch=lambda: source.epoch)
    keyring = keyrings.of(connection())
    with_call = CALL.set("first")
    await keyring.credential()
    CALL.reset(with_call)
    await until(lambda: len(source.for_whom) > 3)
    CALL.set("another")
    await keyring.recheck()
    await keyrings.aclose()
    assert source.for_whom[0] == "first"
    assert source.for_whom[1:4] == ["nobody"] * 3


async def test_a_refresh_that_a_call_brings_about_and_does_not_wait_for_is_not_in_its_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{READING}.FRESH_S", 0.0)
    monkeypatch.setattr(f"{READING}.SOONEST_S", 0.0)
    source = Watched()
    keyrings = Keyrings(source, epoch=lambda: source.epoch)
    keyring = keyrings.of(connection())
    keyring.close()  # no timer is faster
    CALL.set("first")
    await keyring.credential()
    assert (await keyring.credential()).generation == "one"  # it is due: read again, and nobody waits
    await until(lambda: len(source.for_whom) > 1)
    await keyrings.aclose()
    assert source.for_whom[:2] == ["first", "nobody"]


async def test_the_last_good_one_outlives_its_source_and_heals_by_itself(
    source: ScriptedSource, keyring: Keyring, hurried: None
) -> None:
    await keyring.credential()
    source.away, source.password = True, "two"
    asked = len(source.asked)
    await until(lambda: len(source.asked) > asked + 3)
    assert (await keyring.credential()).generation == "one"
    source.away = False
    asked = len(source.asked)
    await until(lambda: len(source.asked) > asked)
    await asyncio.sleep(0)
    assert (await keyring.credential()).generation == "two"


async def test_the_pauses_of_an_outage_grow_up_to_a_bound(
    source: ScriptedSource, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{READING}.FRESH_S", 0.05)
    await keyring.credential()
    source.away = True
    reading = keyring._reading
    pauses = []
    for failures in range(1, 9):
        await reading.begin()
        assert reading.failure is not None
        pauses.append(reading.due_at - reading.began_at)
        assert len(source.asked) == failures + 1
    assert pauses[0] <= 1.1
    assert max(pauses) <= 8.1  # with the 5 s that an attempt may take, what heals is noticed within 15 s
    assert min(pauses[4:]) >= 6


async def test_without_any_the_source_is_asked_once_a_second_whoever_calls(
    source: ScriptedSource, keyring: Keyring
) -> None:
    source.away = True
    for _ in range(20):
        with pytest.raises(CredentialsUnavailable, match="Vault does not answer"):
            await keyring.credential()
    assert source.asked == [False]


async def test_an_unused_one_is_read_no_more_and_the_next_caller_gets_a_fresh_one(
    source: ScriptedSource, keyring: Keyring, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keyring.credential()
    monkeypatch.setattr(f"{KEYRING}.UNUSED_S", 0.0)
    await until(lambda: keyring._lapsed)
    source.password, asked = "two", len(source.asked)
    await asyncio.sleep(0.15)
    assert len(source.asked) == asked
    assert (await keyring.credential()).generation == "two"


async def test_while_a_session_is_out_it_is_kept_fresh(
    source: ScriptedSource, keyring: Keyring, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.begin_use()
    await keyring.credential()
    monkeypatch.setattr(f"{KEYRING}.UNUSED_S", 0.0)
    await until(lambda: len(source.asked) > 4)
    keyring.end_use()
    await until(lambda: keyring._lapsed)


async def test_after_a_long_idle_time_nobody_waits_long_for_a_source_that_hangs(
    source: ScriptedSource, keyring: Keyring, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keyring.credential()
    monkeypatch.setattr(f"{KEYRING}.UNUSED_S", 0.0)
    await until(lambda: keyring._lapsed)
    source.gate = asyncio.Event()
    assert (await keyring.credential()).generation == "one"


# --- refusals ------------------------------------------------------------------------------------------------------


async def test_a_password_that_is_stored_a_moment_after_it_was_changed_is_waited_for(
    source: ScriptedSource, keyring: Keyring
) -> None:
    await keyring.credential()
    asked = asyncio.create_task(keyring.after_refusal("one"))
    await until(lambda: len(source.asked) == 2)
    source.password = "two"
    assert (await asked).generation == "two"
    assert source.asked == [False, True, True]


async def test_who_was_refused_with_an_old_one_gets_the_present_one_without_a_reading(
    source: ScriptedSource, keyring: Keyring, hurried: None
) -> None:
    await keyring.credential()
    source.password = "two"
    await asyncio.gather(*(keyring.after_refusal("one") for _ in range(10)))
    assert source.asked.count(True) == 1


async def followed(source: ScriptedSource, keyring: Keyring) -> None:
    """ "one" worked; the source has "two"."""
    keyring.accepted((await keyring.credential()).generation)
    source.password = "two"
    await asyncio.sleep(0.1)  # FORCED_S, hurried, and more: a timer may come a millisecond early
    assert (await keyring.recheck()).generation == "two"


async def test_a_password_that_no_database_takes_yet_is_kept_back_for_the_one_before(
    source: ScriptedSource, keyring: Keyring, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{DOUBT}.DOUBTED_S", 0.3)
    await followed(source, keyring)
    assert (await keyring.after_refusal("two")).generation == "one"
    keyring.accepted("one")
    assert (await keyring.credential()).generation == "one"
    await asyncio.sleep(0.35)
    assert (await keyring.credential()).generation == "two"  # tried again
    assert (await keyring.after_refusal("two")).generation == "one"


async def test_a_password_with_a_slip_is_tried_more_and_more_seldom(
    source: ScriptedSource, keyring: Keyring, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{DOUBT}.DOUBTED_S", 0.05)
    await followed(source, keyring)
    tried, ends_at = 0, time.monotonic() + 1.6
    while time.monotonic() < ends_at:
        if (await keyring.credential()).generation == "two":
            tried += 1
            assert (await keyring.after_refusal("two")).generation == "one"
        keyring.accepted("one")
        await asyncio.sleep(0.005)
    assert 2 <= tried <= 6  # after 50, 100, 200, 400, 800 ms; every 50 ms it would be a dozen
    source.password = "three"
    await until(lambda: keyring._reading.credential and keyring._reading.credential.generation == "three")
    assert (await keyring.credential()).generation == "three"  # another one is tried at once


async def test_a_password_that_was_refused_before_is_looked_at_but_once_more(
    source: ScriptedSource, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{KEYRING}.FORCED_S", 0.04)  # nothing else reads: the background's pace is 15 s
    await followed(source, keyring)
    for looks in (2, 1):
        asked = source.asked.count(True)
        assert (await keyring.after_refusal("two")).generation == "one"
        assert source.asked.count(True) - asked == looks


async def test_the_one_before_is_given_up_when_it_is_refused_in_its_turn(
    source: ScriptedSource, keyring: Keyring, hurried: None
) -> None:
    await followed(source, keyring)
    assert (await keyring.after_refusal("two")).generation == "one"
    assert (await keyring.after_refusal("one")).generation == "two"
    keyring.accepted("two")
    assert (await keyring.credential()).generation == "two"


async def test_when_neither_is_taken_there_is_no_other(source: ScriptedSource, keyring: Keyring, hurried: None) -> None:
    await followed(source, keyring)
    assert (await keyring.after_refusal("two")).generation == "one"
    assert (await keyring.after_refusal("one")).generation == "two"
    assert (await keyring.after_refusal("two")).generation == "two"


async def test_a_refusal_while_the_source_is_away_is_no_rejection(source: ScriptedSource, keyring: Keyring) -> None:
    await keyring.credential()
    source.away = True
    with pytest.raises(CredentialsUnavailable) as refused:
        await keyring.after_refusal("one")
    assert refused.value.metadata == {"cause": "VAULT_UNREACHABLE"}
    assert (await keyring.credential()).generation == "one"  # for the sessions that are there


async def test_a_recheck_tells_that_the_source_is_away_however_well_the_credential_is(
    source: ScriptedSource, keyring: Keyring, hurried: None
) -> None:
    await keyring.credential()
    source.away = True
    await until(lambda: keyring._reading.failure)
    with pytest.raises(CredentialsUnavailable):
        await keyring.recheck()
    source.away, source.password = False, "two"
    with contextlib.suppress(CredentialsUnavailable):  # of the attempt that is running
        await keyring.recheck()
    await until(lambda: keyring._reading.failure is None)
    assert (await keyring.recheck()).generation == "two"


# --- leases --------------------------------------------------------------------------------------------------------


async def test_a_lease_is_renewed_and_not_replaced(source: ScriptedSource, keyring: Keyring) -> None:
    source.lease_s = 0.2
    await keyring.credential()
    await until(lambda: len(source.asked) > 5)
    assert (await keyring.credential()).generation == "lease-1"
    assert source.made == 1


async def test_a_refused_lease_that_worked_before_is_replaced_at_once(source: ScriptedSource, keyring: Keyring) -> None:
    source.lease_s = 60
    keyring.accepted((await keyring.credential()).generation)
    assert (await keyring.after_refusal("lease-1")).generation == "lease-2"


async def test_leases_that_no_database_ever_takes_are_not_made_one_after_the_other(
    source: ScriptedSource, keyring: Keyring, hurried: None
) -> None:
    source.lease_s = 60
    await keyring.credential()
    for _ in range(10):
        await keyring.after_refusal((await keyring.credential()).generation)
    assert source.made == 2


async def test_a_new_login_to_vault_replaces_the_lease_in_the_background(
    source: ScriptedSource, keyring: Keyring, hurried: None
) -> None:
    source.lease_s = 60
    await keyring.credential()
    source.epoch = 2
    await until(lambda: source.made == 2)
    assert (await keyring.credential()).generation == "lease-2"
    await asyncio.sleep(0.2)
    assert source.made == 2


async def test_an_expired_lease_whose_source_is_away_is_unavailable_and_heals(
    source: ScriptedSource, keyring: Keyring, hurried: None
) -> None:
    source.lease_s = 0.2
    await keyring.credential()
    source.away = True
    await asyncio.sleep(0.25)
    with pytest.raises(CredentialsUnavailable):
        await keyring.credential()
    source.away = False
    await until(lambda: source.made == 1 and keyring._reading.failure is None)
    assert (await keyring.credential()).generation == "lease-1"


async def test_a_source_with_a_defect_is_asked_again(
    source: ScriptedSource, keyring: Keyring, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keyring.credential()
    with monkeypatch.context() as broken:
        broken.setattr(source, "read", None)
        await until(lambda: keyring._reading.failure)
        assert (await keyring.credential()).generation == "one"
    await until(lambda: keyring._reading.failure is None)


async def test_once_closed_nothing_is_refreshed(source: ScriptedSource, keyring: Keyring, hurried: None) -> None:
    await keyring.credential()
    await keyring.aclose()
    asked = len(source.asked)
    await asyncio.sleep(0.15)
    assert len(source.asked) == asked
