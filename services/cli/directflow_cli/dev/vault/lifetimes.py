"""How long a token or a lease lives: Vault's rules for TTL, maximum, period, and renewal."""

import time
from dataclasses import dataclass

from directflow_cli.dev.vault.refusal import Refused

SYSTEM_TTL_S = 768 * 3600.0
"""Default and maximum of a server that was not told otherwise: 32 days."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """What was agreed at the start; 0: not set. Seconds."""

    ttl_s: float = 0.0
    max_ttl_s: float = 0.0
    period_s: float = 0.0
    explicit_max_ttl_s: float = 0.0

    def granted(self, asked_s: float = 0.0, started_at: float | None = None) -> tuple[float, tuple[str, ...]]:
        """Seconds from now, and warnings; Refused (400) past the maximum. A period outlives `max_ttl`."""
        now = time.time()
        started_at = now if started_at is None else started_at
        limits = (SYSTEM_TTL_S, self.max_ttl_s, self.explicit_max_ttl_s)
        most = min(limit for limit in limits if limit > 0)
        if self.period_s > 0:
            wanted, ends_at = min(self.period_s, most), self._explicit_end(started_at)
        else:
            wanted, ends_at = asked_s or self.ttl_s or SYSTEM_TTL_S, started_at + most
        left = ends_at - now
        if left < 0:
            raise Refused(400, "past the max TTL, cannot renew")
        if wanted > left:
            return left, (_capped(wanted, left),)
        return wanted, ()

    def _explicit_end(self, started_at: float) -> float:
        return started_at + self.explicit_max_ttl_s if self.explicit_max_ttl_s else float("inf")


def whole(seconds: float) -> int:
    """As it is told: whole seconds."""
    return round(seconds)


def timestamp(at: float) -> str:
    """RFC 3339, of a Unix time."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def remaining(expires_at: float | None) -> int:
    """Whole seconds until then; 0 for what never ends."""
    return 0 if expires_at is None else max(0, whole(expires_at - time.time()))


def _capped(wanted: float, left: float) -> str:
    told = f'TTL of "{_duration(wanted)}" exceeded the effective max_ttl of "{_duration(left)}"'
    return f"{told}; TTL value is capped accordingly"


def _duration(seconds: float) -> str:
    """As Vault writes it, without what is zero: 1h6m40s."""
    minutes, rest = divmod(whole(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
