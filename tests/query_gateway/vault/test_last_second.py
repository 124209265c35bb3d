"""Vault tells lives in whole seconds: a renewal in a token's last second grants 0, which of a login means for ever."""

import time
from dataclasses import replace

from directflow_gateway.vault.periods import Periods
from directflow_gateway.vault.token import Grant, first_token, renewed_token
from directflow_runtime.secrets import Secret

PERIODS = Periods()


def granted(ttl_s: float) -> Grant:
    return Grant(Secret("hvs.one"), ttl_s, renewable=True, is_batch=False, since=time.monotonic(), made_here=True)


def test_a_renewal_that_grants_no_whole_second_is_followed_by_a_login() -> None:
    token = renewed_token(first_token(granted(3600), 1, PERIODS), granted(0), PERIODS)
    assert token.expires_at is not None
    assert token.wants_replacement()
    assert not token.wants_renewal()


def test_a_login_without_an_end_has_none() -> None:
    token = first_token(replace(granted(0), renewable=False), 1, PERIODS)
    assert (token.expires_at, token.due_at()) == (None, None)
