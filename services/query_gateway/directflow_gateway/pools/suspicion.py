"""Whether a customer's grants are at fault, or a credential that was replaced under us."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from directflow_runtime.errors import DirectFlowError

from directflow_gateway.pools.generation import Generation

SUSPECT_S: Final = 10.0
"""The credential is suspected at most this often: as a rule a GRANT is missing, and every call says so."""


class Suspicion:
    """Of one pool's credential. A running statement of a role that lost its rights, or was dropped, fails like one that
    never had them."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._looked_at = -float("inf")
        self._looking: asyncio.Task[None] | None = None

    async def is_founded(self, began: float, deadline: float, look: Callable[[], Awaitable[None]]) -> bool:
        """Whether the sessions that a call had which began then are outdated. Many calls fail at once: one looks."""
        if self._generation.replaced_at < began:
            now = time.monotonic()
            if self._looking is None and now - self._looked_at >= SUSPECT_S:
                self._looked_at = now
                self._looking = asyncio.create_task(self._look(look))
            if self._looking is not None:
                await asyncio.wait([self._looking], timeout=max(0.0, deadline - now))
        return self._generation.replaced_at >= began

    async def aclose(self) -> None:
        """Ends what is under way."""
        if self._looking is not None:
            looking = self._looking
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look(self, look: Callable[[], Awaitable[None]]) -> None:
        try:
            await look()
        except DirectFlowError:
            return  # whoever asked has an error of his own to tell
        finally:
            self._looking = None
