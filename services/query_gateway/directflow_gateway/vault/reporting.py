"""Log lines about Vault: what changes, and not one for every failure."""

import time

from structlog.typing import FilteringBoundLogger

from directflow_gateway.vault.failures import FailureKind
from directflow_gateway.vault.reply import Fault
from directflow_gateway.vault.token import Token


class Reporter:
    """Of one session. Nothing that it is given holds a secret, a path or an address."""

    def __init__(self, log: FilteringBoundLogger, quiet_s: float) -> None:
        """`quiet_s`: trouble with one thing ("login", "read") is told at most once in this time."""
        self._log = log
        self._quiet_s = quiet_s
        self._told_at: dict[str, float] = {}
        self._troubled: dict[str, FailureKind] = {}

    def logged_in(self, token: Token, method: str) -> None:
        self.worked("login")
        self._log.info(
            "logged in to Vault",
            method=method,
            epoch=token.epoch,
            token_ttl_s=round(token.granted_s),
            renewable=token.renewable,
        )

    def failed(self, what: str, fault: Fault) -> None:
        """`what`: "login", "renewal", "read", "write"."""
        now, last = time.monotonic(), self._told_at.get(what)
        if last is not None and now - last < self._quiet_s:
            return
        self._told_at[what], self._troubled[what] = now, fault.kind
        self._log.warning("trouble with Vault", operation=what, failure=fault.kind.value, detail=fault.detail)

    def worked(self, what: str) -> None:
        """A line only after trouble that was told of."""
        if kind := self._troubled.pop(what, None):
            self._log.info("Vault is well again", operation=what, failure=kind.value)

    def came_back_short(self, token: Token) -> None:
        self._log.info("the Vault token nears its greatest life, a new login follows", epoch=token.epoch)

    def dead_token(self, epoch: int) -> None:
        self._log.warning("Vault knows our token no more, a new login follows", epoch=epoch)
