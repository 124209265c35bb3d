"""One token for the process: renewed in time, replaced before it dies, and never given up because of an outage."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from directflow_gateway.vault import FailureKind, VaultSettings

from . import setups
from .faults import Fault, FaultyVault
from .servers import Vault
from .sessions import SHORT, Listened, app_role, opened, until

PATH = "secret/data/acme/crm"


class Gateway:
    """Opens sessions on one Vault through a proxy."""

    def __init__(self, vault: Vault, proxy: FaultyVault, directory: Path) -> None:
        self.vault, self.proxy, self._directory = vault, proxy, directory
        setups.put_kv(vault, "acme/crm", {"password": "x"})
        self.policy = setups.gateway_policy(vault)

    def settings(self, **token: Any) -> VaultSettings:
        made = setups.approle(self.vault, self.policy, **token)
        (self._directory / "role_id").write_text(made.role_id)
        (self._directory / "secret_id").write_text(made.secret_id)
        return app_role(self.proxy.address, self._directory, request_timeout_s=3)

    def token_settings(self, token: str) -> VaultSettings:
        file = self._directory / "token"
        file.write_text(token)
        login = {"method": "token", "token_file": file}
        return VaultSettings.model_validate({"address": self.proxy.address, "login": login})

    @asynccontextmanager
    async def session(self, periods: Any = SHORT, **token: Any) -> AsyncIterator[Listened]:
        """Logged in, its background at work."""
        async with opened(self.settings(**token), start=True, periods=periods) as heard:
            await until(lambda: heard.session.epoch == 1)
            yield heard

    def is_alive(self, token: str) -> bool:
        return self.vault.api("GET", "auth/token/lookup-self", token=token).status == 200

    def logins(self) -> int:
        return self.proxy.count("auth/approle/login")


@pytest.fixture
def gateway(vault: Vault, faulty: FaultyVault, tmp_path: Path) -> Gateway:
    return Gateway(vault, faulty, tmp_path)


async def reads_go_on(heard: Listened, until_true: Callable[[], object]) -> None:
    """Reads all the time, each of which has to work, until something has happened."""
    ends_at = time.monotonic() + 30
    while not until_true():
        assert (await heard.session.read(PATH)).data["data"] == {"password": "x"}
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.02)


async def test_a_token_is_renewed_and_stays_the_same(gateway: Gateway) -> None:
    async with gateway.session(token_ttl="2s") as heard:
        token = heard.token()
        await reads_go_on(heard, lambda: len(heard.spans("vault renew")) >= 2)
        assert (heard.token(), heard.session.epoch, gateway.logins()) == (token, 1, 1)


async def test_a_renewal_that_comes_back_short_is_followed_by_a_login(gateway: Gateway) -> None:
    """T15: the greatest life of the token is shorter than what hangs on it."""
    async with gateway.session(token_ttl="4s", token_max_ttl="6s") as heard:
        old = heard.token()
        await reads_go_on(heard, lambda: heard.session.epoch == 2)
        assert gateway.is_alive(old)  # its leases are still in use
        assert heard.lines("nears its greatest life")
        await reads_go_on(heard, lambda: heard.session.epoch == 3)


async def test_an_explicit_max_ttl_is_the_end_of_a_token_too(gateway: Gateway) -> None:
    async with gateway.session(token_ttl="2s", token_explicit_max_ttl="3s") as heard:
        await reads_go_on(heard, lambda: heard.session.epoch >= 2)


async def test_a_batch_token_is_replaced_in_time(gateway: Gateway) -> None:
    async with gateway.session(token_ttl="4s", token_type="batch") as heard:
        old = heard.token()
        await reads_go_on(heard, lambda: heard.session.epoch == 2)
        assert gateway.is_alive(old)
        assert heard.spans("vault renew") == []


async def test_a_periodic_token_lives_on(gateway: Gateway) -> None:
    async with gateway.session(token_period="1s") as heard:
        await reads_go_on(heard, lambda: len(heard.spans("vault renew")) >= 3)
        assert heard.session.epoch == 1


async def test_a_token_that_was_revoked_under_us_costs_one_login_and_no_read(gateway: Gateway) -> None:
    async with gateway.session() as heard:
        gateway.vault.ok("POST", "auth/token/revoke-self", {}, token=heard.token())
        setups.put_kv(gateway.vault, "acme/other", {})
        answers = await asyncio.gather(*(heard.session.read(path) for path in [PATH, "secret/data/acme/other"] * 5))
        assert {answer.epoch for answer in answers} == {2}
        assert (heard.session.epoch, gateway.logins()) == (2, 2)
        assert heard.lines("knows our token no more")


async def test_a_revoked_token_and_then_an_outage_is_told_as_an_outage(gateway: Gateway) -> None:
    """Not as a denial, which would say that somebody meant it."""
    async with gateway.session() as heard:
        gateway.vault.ok("POST", "auth/token/revoke-self", {}, token=heard.token())
        gateway.proxy.answer_next(403, *[500] * 4)  # the read, and the question whether the token lives
        failure = await heard.failure(PATH)
        assert (failure.kind, failure.is_outage) == (FailureKind.SERVER, True)
        assert (await heard.session.read(PATH)).epoch == 2


async def test_tokens_that_are_revoked_all_the_time_do_not_make_us_hammer(gateway: Gateway) -> None:
    async with gateway.session() as heard:
        for _ in range(2):
            gateway.vault.ok("POST", "auth/token/revoke-self", {}, token=heard.token())
            outcomes = await asyncio.gather(*(heard.session.read(PATH) for _ in range(5)), return_exceptions=True)
        assert {getattr(outcome, "kind", None) for outcome in outcomes} == {FailureKind.DENIED}
        assert gateway.logins() == 2  # another one in `dead_s`


async def test_a_path_that_is_not_allowed_costs_nobody_else_a_lease(gateway: Gateway) -> None:
    async with gateway.session() as heard:
        for _ in range(3):
            assert (await heard.failure("sys/policies/acl/root")).kind is FailureKind.DENIED
        assert heard.session.epoch == 1
        assert gateway.logins() == 2  # one look whether a new token may more, and then not for `policy_s`


async def test_a_policy_that_the_role_got_since_is_had_by_a_new_token(gateway: Gateway) -> None:
    async with gateway.session() as heard:
        setups.put_kv(gateway.vault, "crm", {"password": "y"}, mount="other")
        setups.policy(gateway.vault, "more", {"other/data/*": ["read"]})
        setups.approle(gateway.vault, gateway.policy, "more")
        assert (await heard.session.read("other/data/crm")).epoch == 2
        assert heard.session.epoch == 2


async def test_an_outage_costs_no_token(gateway: Gateway) -> None:
    async with gateway.session(token_ttl="3s") as heard:
        token = heard.token()
        gateway.proxy.fault = Fault.REFUSE
        await until(lambda: heard.lines("trouble with Vault"))  # a renewal failed
        assert (await heard.failure(PATH)).kind is FailureKind.UNREACHABLE
        gateway.proxy.fault = Fault.NONE
        await until(lambda: heard.lines("well again"))
        assert (heard.token(), gateway.logins()) == (token, 1)
        assert gateway.proxy.count("auth/token/revoke") == 0


async def test_a_sealed_vault_is_told_as_sealed_and_heals(gateway: Gateway) -> None:
    async with gateway.session() as heard:
        gateway.vault.seal()
        assert (await heard.failure(PATH)).kind is FailureKind.SEALED
        gateway.vault.unseal()
        assert (await heard.session.read(PATH)).epoch == 1


async def test_a_vault_that_was_away_too_long_is_logged_in_to_anew(gateway: Gateway) -> None:
    async with gateway.session(token_ttl="1s") as heard:
        gateway.proxy.fault = Fault.RESET
        ends_at = heard.session.ends_at()
        assert ends_at is not None
        await until(lambda: time.monotonic() > ends_at + 0.5)
        assert (await heard.failure(PATH)).is_outage
        gateway.proxy.fault = Fault.NONE
        await until(lambda: heard.session.epoch == 2)
        assert (await heard.session.read(PATH)).epoch == 2


@pytest.mark.parametrize(
    "fault", [Fault.BLACK_HOLE, Fault.REFUSE, Fault.RESET, Fault.TRUNCATE, Fault.CUT, Fault.NOT_JSON, Fault.GIANT]
)
async def test_a_vault_that_is_away_at_the_start_is_waited_for(fault: Fault, gateway: Gateway) -> None:
    gateway.proxy.fault = fault
    settings = gateway.settings().model_copy(update={"request_timeout_s": 0.5})
    async with opened(settings, start=True) as heard:
        assert (await heard.failure(PATH)).is_outage
        gateway.proxy.fault = Fault.NONE
        await until(lambda: heard.session.epoch == 1)


async def test_a_token_of_a_login_ends_with_the_session(gateway: Gateway) -> None:
    async with gateway.session() as heard:
        token = heard.token()
        assert gateway.is_alive(token)
    assert not gateway.is_alive(token)


async def test_a_token_that_we_were_given_does_not(gateway: Gateway) -> None:
    token = setups.token(gateway.vault, gateway.policy)
    async with opened(gateway.token_settings(token)) as heard:
        await heard.session.read(PATH)
    assert gateway.is_alive(token)


async def test_a_token_that_we_were_given_is_renewed(gateway: Gateway) -> None:
    token = setups.token(gateway.vault, gateway.policy, ttl="2s")
    async with opened(gateway.token_settings(token), start=True) as heard:
        await reads_go_on(heard, lambda: len(heard.spans("vault renew")) >= 2)
        assert (heard.token(), heard.session.epoch) == (token, 1)


async def test_another_token_in_the_file_is_taken_up_before_the_old_one_ends(gateway: Gateway) -> None:
    settings = gateway.token_settings(setups.token(gateway.vault, gateway.policy, ttl="2s", renewable=False))
    async with opened(settings, start=True) as heard:
        await until(lambda: heard.session.epoch == 1)
        gateway.token_settings(setups.token(gateway.vault, gateway.policy))
        await reads_go_on(heard, lambda: heard.session.epoch == 2)


async def test_the_same_token_in_the_file_is_no_new_login(gateway: Gateway) -> None:
    """Its leases are alive: nobody has to make them anew."""
    settings = gateway.token_settings(setups.token(gateway.vault, gateway.policy, ttl="2s", renewable=False))
    async with opened(settings, start=True) as heard:
        await until(lambda: len(heard.spans("vault login")) >= 2)
        assert heard.session.epoch == 1


async def test_a_root_token_never_ends(gateway: Gateway) -> None:
    async with opened(gateway.token_settings(gateway.vault.root_token), start=True) as heard:
        await heard.session.read(PATH)
        assert (heard.session.epoch, heard.session.ends_at()) == (1, None)


async def test_closing_waits_for_no_vault(gateway: Gateway) -> None:
    async with gateway.session(periods=replace(SHORT, close_s=0.2)) as heard:
        token = heard.token()
        gateway.proxy.fault = Fault.BLACK_HOLE
        began = time.monotonic()
        await heard.session.aclose()
        assert time.monotonic() - began < 2.5
    assert gateway.is_alive(token)
