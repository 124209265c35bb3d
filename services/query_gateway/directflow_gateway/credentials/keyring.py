"""The credential of one connection, kept fresh in the background; the last good one outlives its source's outage."""

import asyncio
import contextvars
import random
import time
from collections.abc import Callable

from directflow_gateway.credentials.credential import Credential
from directflow_gateway.credentials.doubt import Doubt
from directflow_gateway.credentials.reading import Reading
from directflow_gateway.credentials.unavailable import CredentialsUnavailable

UNUSED_S = 300.0
"""A credential that nobody asked for during this time is not refreshed any more, until somebody does."""
FORCED_S = 1.0
"""A refused login, or a caller who cannot be served, makes the source be asked at most this often."""
REPLACE_S = 30.0
"""A lease that no login ever succeeded with is replaced at most this often: the next one would fare no better."""
PATIENCE_S = 1.0
"""How long callers wait for a source that is known to be away, and for a fresh credential after a long idle time."""
TICK_S = 5.0
"""A lease looks at least this often whether the login to Vault that it hangs on is still the present one."""


class Keyring:
    """Of one connection's credential. Nobody who has a credential that lives waits for a newer one."""

    def __init__(self, reading: Reading, epoch: Callable[[], int]) -> None:
        """`epoch`: of the present login to Vault; a lease of another one is replaced before that one's token ends."""
        self._reading = reading
        reading.done = self._arm
        self._epoch = epoch
        self._noticed_epoch = -1
        self._forcing = asyncio.Lock()
        self._forced_at = self._replaced_at = -float("inf")
        self._proven = ""
        """The generation that a database accepted last."""
        self._accepted: Credential | None = None
        """That credential, until a database refuses it."""
        self._doubt = Doubt()
        """About the one that its source has."""
        self._used_at = time.monotonic()
        self._users = 0
        self._lapsed = False
        """True after nobody used it for so long that it was not refreshed when it was due."""
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    # --- for whoever logs in -------------------------------------------------------------------------------------

    async def credential(self) -> Credential:
        """The present one. Raises CREDENTIALS_UNAVAILABLE when there is none that lives, and its source has none."""
        now = self._used_at = time.monotonic()
        present = self._reading.credential
        if present is None or _is_over(present, now):
            return await self._needed()
        self._notice_epoch(present, now)
        if now >= self._reading.due_at:
            task = self._reading.begin(context=None if self._lapsed else contextvars.Context())
            if self._lapsed:
                await asyncio.wait([task], timeout=self._reading.began_at + PATIENCE_S - now)
                self._lapsed = False
        self._arm()
        return self._serving(self._reading.credential or present, now)

    async def after_refusal(self, generation: str) -> Credential:
        """Another credential than the one of `generation`, which a database did not take: what the source has by now,
        after a second look a second later where it has no other, for some change a password in the database first;
        then the one that was accepted before, for others change it in the source first; otherwise the same one. Where
        another has come meanwhile, nobody is asked. Raises CREDENTIALS_UNAVAILABLE when the source is away."""
        if self._accepted is not None and self._accepted.generation == generation:
            self._accepted = None
        fresh = await self._forced(generation)
        if fresh.generation != generation or fresh.lease is not None:
            return fresh
        if self._accepted is None or not self._doubt.concerns(generation):  # a slip that stays holds up a call but once
            fresh = await self._forced(generation)
        if fresh.generation == generation:
            self._doubt.refused(generation, time.monotonic())
        return self._serving(fresh, time.monotonic())

    async def recheck(self) -> Credential:
        """The credential as its source has it now, asked at most once in FORCED_S. A lease that lives stays the same.

        For whoever suspects the credential, or is kept away by a breaker after a refusal, and for tests of a
        connection. Raises CREDENTIALS_UNAVAILABLE when the source is away, also while the present one lives.
        """
        now = self._used_at = time.monotonic()
        present = self._reading.credential
        if present is not None and present.lease is not None and not present.lease.renewable:
            return await self.credential()
        if self._reading.running or now - self._reading.began_at >= FORCED_S:
            await self._await_reading()
        return self._as_read()

    def accepted(self, generation: str) -> None:
        """A login with it succeeded."""
        self._proven = generation
        present = self._reading.credential
        if present is not None and present.generation == generation:
            self._accepted = present
            self._doubt.end()

    def begin_use(self) -> None:
        """A session is leased, or waited for; until `end_use` the credential is kept fresh however long it takes."""
        self._users += 1

    def end_use(self) -> None:
        """The counterpart of `begin_use`."""
        self._users -= 1
        self._used_at = time.monotonic()

    # --- for whoever owns it -------------------------------------------------------------------------------------

    def unused_for(self) -> float:
        """Seconds since somebody used it; 0 while somebody does."""
        return 0.0 if self._users else time.monotonic() - self._used_at

    @property
    def holds_any(self) -> bool:
        """False when there never was a credential."""
        return self._reading.credential is not None

    def close(self) -> None:
        """Nothing is refreshed any more; a lease lapses by itself, for streams may still run on it."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def aclose(self) -> None:
        """`close`, and ends what is being read."""
        self.close()
        await self._reading.aclose()

    # --- the narrow part -----------------------------------------------------------------------------------------

    def _serving(self, credential: Credential, now: float) -> Credential:
        """The one that was accepted before, while this one is doubted."""
        is_doubted, accepted = self._doubt.holds(credential.generation, now), self._accepted
        return accepted if is_doubted and accepted is not None and not _is_over(accepted, now) else credential

    async def _needed(self) -> Credential:
        """For a caller who cannot be served without: at most one attempt in FORCED_S, whatever the backoff says."""
        if self._reading.running or time.monotonic() - self._reading.began_at >= FORCED_S:
            await self._await_reading()
        credential = self._as_read()
        if _is_over(credential, time.monotonic()):
            raise CredentialsUnavailable("EXPIRED")
        return credential

    async def _forced(self, generation: str) -> Credential:
        async with self._forcing:
            await self._await_turn()
            present = self._reading.credential
            if present is not None and present.generation != generation:
                return present
            if present is not None and present.lease is not None and not self._may_replace(present):
                return present
            self._forced_at = time.monotonic()
            await self._await_reading(refused=True)
        return self._as_read()

    async def _await_turn(self) -> None:
        """Until nobody reads, and the last forced reading is long enough ago. What was being read before the refusal
        may be what was refused."""
        if self._reading.running:
            await self._await_reading()
        await asyncio.sleep(max(0.0, self._forced_at + FORCED_S - time.monotonic()))

    def _may_replace(self, present: Credential) -> bool:
        now = time.monotonic()
        if self._proven != present.generation and now - self._replaced_at < REPLACE_S:
            return False
        self._replaced_at = now
        return True

    async def _await_reading(self, *, refused: bool = False) -> None:
        known_away = self._reading.failure is not None
        await asyncio.wait([self._reading.begin(refused=refused)], timeout=PATIENCE_S if known_away else None)

    def _as_read(self) -> Credential:
        if self._reading.failure is not None:
            raise self._reading.failure.again()
        if self._reading.credential is None:  # the gateway is ending
            raise CredentialsUnavailable("SHUTTING_DOWN")
        return self._reading.credential

    def _notice_epoch(self, present: Credential, now: float) -> None:
        """Brings the next reading forward when the lease hangs on a token that was replaced; not all leases at once."""
        epoch = self._epoch()
        if present.lease is None or epoch in (present.lease.epoch, self._noticed_epoch):
            return
        self._noticed_epoch = epoch
        soon = now + TICK_S * random.random()  # noqa: S311
        self._reading.due_at = min(self._reading.due_at, soon)

    # --- the background ------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is None and not self._closed and not self._reading.running and self.holds_any:
            self._set_timer(max(0.0, self._reading.due_at - time.monotonic()))

    def _set_timer(self, delay_s: float) -> None:
        present = self._reading.credential
        if present is not None and present.lease is not None:
            delay_s = min(delay_s, TICK_S)
        # In a context of its own: else all that follows from it belongs to the call that happened to arm it.
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick, context=contextvars.Context())

    def _tick(self) -> None:
        self._timer = None
        now = time.monotonic()
        present = self._reading.credential
        if present is not None:
            self._notice_epoch(present, now)
        if now < self._reading.due_at:
            self._arm()
        elif self.unused_for() > UNUSED_S:
            self._lapsed = True
        else:
            self._reading.begin()


def _is_over(credential: Credential, now: float) -> bool:
    return credential.expires_at is not None and now >= credential.expires_at
