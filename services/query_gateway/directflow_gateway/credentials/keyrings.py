"""One keyring a connection, shared by everybody who logs in for it."""

from collections.abc import Callable

from directflow_runtime.metrics import OFF, Metrics
from structlog.typing import FilteringBoundLogger

from directflow_gateway.connections import Connection, CredentialKind
from directflow_gateway.credentials.credential import CredentialSource
from directflow_gateway.credentials.keyring import Keyring
from directflow_gateway.credentials.meter import CredentialMeter
from directflow_gateway.credentials.reading import Reading

MOST = 10_000
"""Beyond this the one that was asked for least recently is forgotten."""
RETIRED_AFTER_S = 60.0
"""The keyring of a connection that is not current any more is forgotten when nobody used it for this time: a draft is
tested again and again before it is saved, and each test would make a lease."""

Key = tuple[str, CredentialKind, str]


class Keyrings:
    """Pools, a changed connection's new pool and tests of a connection use the same keyring: each of its own would have
    a lease of its own. One for the process, built in app.py, closed by `aclose`, after whoever uses it."""

    def __init__(
        self,
        source: CredentialSource,
        log: FilteringBoundLogger | None = None,
        epoch: Callable[[], int] = lambda: 0,
        metrics: Metrics = OFF,
    ) -> None:
        """`epoch`: of the present login to Vault, where there is one."""
        self._source = source
        self._log = log
        self._epoch = epoch
        self._keyrings: dict[Key, tuple[Reading, Keyring]] = {}
        self._meter = CredentialMeter(metrics, lambda: [reading for reading, _ in self._keyrings.values()])

    def of(self, connection: Connection) -> Keyring:
        """The keyring of the connection's name, kind of credential and, where that counts, user."""
        key = _key(connection)
        reading, keyring = self._keyrings.pop(key) if key in self._keyrings else self._new(connection)
        reading.connection = connection
        self._keyrings[key] = reading, keyring
        if len(self._keyrings) > MOST:
            self._forget(next(iter(self._keyrings)))
        return keyring

    def retire(self, is_current: Callable[[Connection], bool]) -> None:
        """Forgets those that nobody needs any more. Their leases lapse: streams may still run on them, and a connection
        that was deleted by mistake is saved again."""
        for key, (reading, keyring) in list(self._keyrings.items()):
            unused_s = keyring.unused_for()
            if unused_s > (RETIRED_AFTER_S if keyring.holds_any else 0) and not is_current(reading.connection):
                self._forget(key)

    def __len__(self) -> int:
        return len(self._keyrings)

    async def aclose(self) -> None:
        """Ends every refresh. No lease is revoked."""
        while self._keyrings:
            _, (_, keyring) = self._keyrings.popitem()
            await keyring.aclose()

    def _new(self, connection: Connection) -> tuple[Reading, Keyring]:
        reading = Reading(connection, self._source, self._log, self._meter.read)
        return reading, Keyring(reading, self._epoch)

    def _forget(self, key: Key) -> None:
        _, keyring = self._keyrings.pop(key)
        keyring.close()


def _key(connection: Connection) -> Key:
    # Vault chooses the user of a dynamic credential and knows that of a static one: a test of the connection with
    # another user would make another lease of the same role.
    vault_names_it = connection.credential_kind in (CredentialKind.VAULT_DYNAMIC, CredentialKind.VAULT_STATIC)
    return connection.name, connection.credential_kind, "" if vault_names_it else connection.user
