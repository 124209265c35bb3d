"""When things are done with Vault, and how often; tests make them short."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Periods:
    """Seconds, and shares of a token's life."""

    tries: int = 4
    """Of one operation."""
    first_pause_s: float = 0.1
    longest_pause_s: float = 1.0
    renew_share: float = 2 / 3
    replace_share: float = 0.85
    jitter: float = 0.1
    """How much earlier, at most, as a share: 50 replicas that were started together must not log in together."""
    start_jitter_s: float = 1.0
    """Before the background's first login; whoever needs one sooner makes it."""
    short_share: float = 0.9
    """A renewal that grants less than this share of what was granted before has met the token's greatest life."""
    away_pause_s: float = 3.0
    """Longest between two logins while Vault is away: short, for whoever needs one waits for it."""
    refused_pause_s: float = 15.0
    """Longest between two logins that Vault refuses: it locks out who is wrong too often."""
    renew_pause_s: float = 15.0
    """Longest between two renewals that fail."""
    dead_s: float = 10.0
    """Logins after a 403 for a token that is dead: at most one in this time."""
    policy_s: float = 600.0
    """Logins after a 403 for a token that lives: the role may have been given another policy since."""
    quiet_s: float = 60.0
    """The same trouble is told once in this time."""
    round_s: float = 0.5
    """Least between two rounds of what keeps the login alive."""
    close_s: float = 1.0
    """For revoking the token in the end."""

    def pause(self, failures: int) -> float:
        """Before the next try, full jitter: what fails together is not tried again together."""
        return backoff(failures, self.first_pause_s, self.longest_pause_s)


def backoff(failures: int, first_s: float, longest_s: float) -> float:
    """Somewhere between nothing and `first_s`, doubled with each failure, at most `longest_s`."""
    return min(longest_s, first_s * 2.0 ** min(failures - 1, 32)) * random.random()  # noqa: S311


def spaced(failures: int, first_s: float, longest_s: float) -> float:
    """As `backoff`, and never less than half: for what must not be hurried."""
    return min(longest_s, first_s * 2.0 ** min(failures - 1, 32)) * (1 - random.random() / 2)  # noqa: S311


def jittered(value: float, share: float) -> float:
    """Up to `share` less, at random."""
    return value * (1 - share * random.random())  # noqa: S311
