"""One keyring a connection: pools, a changed connection's new pool and tests of it share it."""

from collections.abc import AsyncIterator

import pytest
from directflow_gateway.connections import CredentialKind, Limits
from directflow_gateway.credentials import Keyrings

from .scripted_source import ScriptedSource, connection

KEYRINGS = "directflow_gateway.credentials.keyrings"


@pytest.fixture
async def keyrings() -> AsyncIterator[Keyrings]:
    made = Keyrings(ScriptedSource())
    yield made
    await made.aclose()


def test_a_connection_whose_limits_or_place_change_keeps_its_keyring(keyrings: Keyrings) -> None:
    keyring = keyrings.of(connection())
    assert keyrings.of(connection(limits=Limits(pool_size=1))) is keyring
    assert keyrings.of(connection(host="other.example")) is keyring


@pytest.mark.parametrize(
    "other", [{"workspace": "other"}, {"id": "other"}, {"user": "other"}, {"credential_kind": CredentialKind.VAULT_KV}]
)
def test_another_name_kind_or_user_is_another_keyring(keyrings: Keyrings, other: dict[str, object]) -> None:
    assert keyrings.of(connection(**other)) is not keyrings.of(connection())  # type: ignore[arg-type]


def test_users_that_vault_names_are_no_reason_for_another_lease(keyrings: Keyrings) -> None:
    kind = CredentialKind.VAULT_DYNAMIC
    assert keyrings.of(connection(credential_kind=kind, user="a")) is keyrings.of(connection(credential_kind=kind))


async def test_the_keyring_of_a_deleted_connection_goes_once_nobody_uses_it(
    keyrings: Keyrings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = keyrings.of(connection())
    await keyring.credential()
    keyring.begin_use()
    keyrings.retire(lambda _: False)
    assert keyrings.of(connection()) is keyring  # used a moment ago
    monkeypatch.setattr(f"{KEYRINGS}.RETIRED_AFTER_S", -1.0)
    keyring.end_use()
    keyrings.retire(lambda _: True)
    assert len(keyrings) == 1
    keyrings.retire(lambda _: False)
    assert len(keyrings) == 0


def test_their_number_is_bounded(keyrings: Keyrings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{KEYRINGS}.MOST", 3)
    for number in range(10):
        keyrings.of(connection(id=f"c{number}"))
    assert len(keyrings) == 3
