"""A customer's password is changed in the database and in Vault while calls run."""

import time

from .clients import DATA_SOURCE, SEGMENT, Client
from .databases import ROLE, Postgres
from .vault import Vault

BEFORE_S, AFTER_S = 5.0, 40.0


def test_no_call_fails_while_a_password_is_rotated(
    client: Client, people: int, postgres: Postgres, hashicorp: Vault
) -> None:
    with client.calling(people) as outcome:
        time.sleep(BEFORE_S)
        postgres.change_password(ROLE)
        hashicorp.keep_password(postgres)
        time.sleep(AFTER_S)
    print(outcome.told())
    assert (outcome.failed, outcome.truncated) == (0, 0), outcome.told()
    assert outcome.calls > 1000
    assert outcome.streams > 0


def test_the_new_password_is_the_one_in_use(client: Client, people: int, postgres: Postgres) -> None:
    postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :'role'", role=ROLE)
    client.ok("developer", "connection", "test", "customer")
    client.ok("platform", "audience", "count", DATA_SOURCE, "--segment", SEGMENT)
