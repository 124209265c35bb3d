"""Which sessions of a pool belong to its present credential."""

import asyncio
import time

from directflow_runtime.errors import DirectFlowError

from directflow_gateway.credentials import Keyring
from directflow_gateway.execution.connection import GatewayConnection
from directflow_gateway.pools.failures import again


class Generation:
    """The present generation of a connection's credential, and since when its sessions are good."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._present = ""
        self._since = 0.0
        self._replacing: asyncio.Task[DirectFlowError | None] | None = None
        self.replaced_at = -float("inf")
        """When sessions that were good ceased to be; on the clock of `time.monotonic()`."""

    def follow(self, generation: str) -> None:
        """The credential is this one now."""
        if generation != self._present:
            if self._present:
                self.replaced_at = time.monotonic()
            self._present = generation
            self._since = 0.0

    def is_present(self, connection: GatewayConnection) -> bool:
        """Whether another call may have the session."""
        return connection.generation == self._present and connection.opened_at >= self._since

    async def role_gone(self, connection: GatewayConnection) -> None:
        """The role behind a session does not exist any more: the credential was refused, though nobody logged in. Many
        calls find out at once, and one of them asks. Raises CREDENTIALS_UNAVAILABLE."""
        if self.is_present(connection):
            self._since = self.replaced_at = time.monotonic()  # also where a role of that name is created again
            self._replacing = asyncio.create_task(self._replace(connection.generation))
        if self._replacing is not None:
            failure = await asyncio.shield(self._replacing)
            if failure is not None:
                raise again(failure)

    async def settled(self) -> None:
        """Waits while a credential is being replaced: a login with the old one would be refused."""
        if self._replacing is not None and not self._replacing.done():
            await asyncio.wait([self._replacing])

    async def aclose(self) -> None:
        """Ends what is being read."""
        if self._replacing is not None:
            self._replacing.cancel()
            await asyncio.gather(self._replacing, return_exceptions=True)

    async def _replace(self, generation: str) -> DirectFlowError | None:
        """Why it cannot be read: whoever finds out next is told the same."""
        try:
            self.follow((await self._keyring.after_refusal(generation)).generation)
        except DirectFlowError as failure:
            return failure
        return None
