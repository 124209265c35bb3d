"""One connection's credential as it was last read, and the one task that reads it."""

import asyncio
import contextvars
import random
import time
from collections.abc import Callable

from directflow_runtime.logging import exception_types, stack
from structlog.typing import FilteringBoundLogger

from directflow_gateway.connections import Connection
from directflow_gateway.credentials.credential import Credential, CredentialSource
from directflow_gateway.credentials.unavailable import CredentialsUnavailable

FRESH_S = 15.0
"""A credential that does not say itself when it is due is read again at this age, so that a rotation is followed
without a refused login."""
FRESH_JITTER = 0.2
SOONEST_S = 0.05
"""Whatever a source says, it is not asked without a pause."""
BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 8.0
BACKOFF_JITTER = 0.2
"""With the time that an attempt takes, what has healed is noticed within 15 s."""
LONGEST_S = 30.0
"""Of one reading, whatever the source promises: a hung network file system keeps no promise."""


class Reading:
    """Reads the source for everybody, one task at a time. A caller who leaves cancels nothing, and nobody reads twice
    what somebody else is reading: with a dynamic credential that would be a second lease."""

    def __init__(
        self,
        connection: Connection,
        source: CredentialSource,
        log: FilteringBoundLogger | None,
        ended: Callable[[str, str], None] = lambda kind, outcome: None,
    ) -> None:
        """`ended` is told of each reading: the kind of credential, and "ok" or the cause."""
        self.connection = connection
        """As it was last asked for."""
        self.credential: Credential | None = None
        """The last good one."""
        self.failure: CredentialsUnavailable | None = None
        """Of the last reading; None: it went well."""
        self.due_at = 0.0
        self.read_at = -float("inf")
        """When the last good one was read or renewed."""
        self.began_at = -float("inf")
        self.done: Callable[[], None] = lambda: None
        """Told of the end of each reading."""
        self._failures = 0
        self._source = source
        self._log = log
        self._tell = ended
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """True while the source is being asked."""
        return self._task is not None

    def begin(self, *, refused: bool = False, context: contextvars.Context | None = None) -> "asyncio.Task[None]":
        """The task that reads now; the one that is there, where there is one. It raises nothing.

        It is told in the trace of the call that runs, or in that of `context`: where nobody waits for it an empty one,
        or it would be a span of a call that has long ended.
        """
        if self._task is None:
            self.began_at = time.monotonic()
            self._task = asyncio.get_running_loop().create_task(self._read(refused), context=context)
            self._task.add_done_callback(self._ended, context=contextvars.Context())
        return self._task

    async def aclose(self) -> None:
        """Stops what is running."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _read(self, refused: bool) -> None:
        try:
            async with asyncio.timeout(LONGEST_S):
                credential = await self._source.read(self.connection, self.credential, refused=refused)
        except TimeoutError:
            self._failed(CredentialsUnavailable("TIMEOUT"))
        except CredentialsUnavailable as error:
            self._failed(error)
        except Exception as error:  # a defect of a source must not look like a credential that never comes due again
            if self._log is not None:
                types, frames = exception_types(error), stack(error.__traceback__)
                self._log.error("unexpected exception", exception_type=types, stack=frames)
            self._failed(CredentialsUnavailable("INTERNAL"))
        else:
            self._succeeded(credential)

    def _succeeded(self, credential: Credential) -> None:
        self.read_at = now = time.monotonic()
        self._tell(self.connection.credential_kind.value, "ok")
        own_pace = now + FRESH_S * (1 - FRESH_JITTER * random.random())  # noqa: S311
        self.due_at = max(own_pace if credential.refresh_at is None else credential.refresh_at, now + SOONEST_S)
        if self.failure is not None and self._log is not None:
            self._log.info("a credential can be read again", connection=self.connection.name)
        self.credential, self.failure, self._failures = credential, None, 0

    def _failed(self, failure: CredentialsUnavailable) -> None:
        self._tell(self.connection.credential_kind.value, failure.cause)
        pause_s = min(LONGEST_BACKOFF_S, BACKOFF_S * 2 ** min(self._failures, 10))
        self.due_at = time.monotonic() + pause_s * (1 - BACKOFF_JITTER * random.random())  # noqa: S311
        if self._log is not None and (self.failure is None or self.failure.cause != failure.cause):
            self._log.warning("a credential cannot be read", connection=self.connection.name, cause=failure.cause)
        self.failure = failure
        self._failures += 1

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._task = None
        self.done()
