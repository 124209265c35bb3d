"""The credential of one connection, kept fresh; the last good one outlives an outage of its source."""

import asyncio
import time

from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_gateway.connections import Connection
from directflow_gateway.credentials import Credential, CredentialSource

FRESH_S = 15.0
"""After this a credential is read again, so that a rotation is followed without a failed login."""
FORCED_S = 1.0
"""A forced reading happens at most this often: a refused login must not hammer the source."""


class Keyring:
    """Reads the credential when it is old, or when it was refused."""

    def __init__(self, connection: Connection, source: CredentialSource) -> None:
        self._connection = connection
        self._source = source
        self._credential: Credential | None = None
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    async def credential(self) -> Credential:
        """The credential, at most FRESH_S old where the source can be read. Raises CREDENTIALS_UNAVAILABLE when it
        cannot, and never could."""
        return await self._at_most(FRESH_S)

    async def after_refusal(self) -> Credential:
        """The credential as it is now: somebody may have rotated it a moment ago."""
        return await self._at_most(FORCED_S)

    async def _at_most(self, age_s: float) -> Credential:
        if self._credential is not None and time.monotonic() - self._read_at < age_s:
            return self._credential
        async with self._reading:
            if self._credential is None or time.monotonic() - self._read_at >= age_s:
                await self._read()
        assert self._credential is not None
        return self._credential

    async def _read(self) -> None:
        try:
            self._credential = await self._source.read(self._connection)
        except DirectFlowError as error:
            # Sessions and logins of the last good credential keep working while its source is away.
            if self._credential is None or error.code is not StatusCode.UNAVAILABLE:
                raise
        self._read_at = time.monotonic()
