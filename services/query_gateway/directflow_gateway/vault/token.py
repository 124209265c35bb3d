"""A token of ours, and when something is due for it."""

import time
from dataclasses import dataclass, replace

from directflow_runtime.secrets import Secret

from directflow_gateway.vault.periods import Periods, jittered
from directflow_gateway.vault.reply import Document, seconds_of

LAST_SECOND_S = 0.5


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login or a renewal gave. Times count from before it was asked for: the token is never taken for younger
    than it is."""

    secret: Secret
    ttl_s: float
    """0: it lives for ever."""
    renewable: bool
    is_batch: bool
    since: float
    """On the clock of `time.monotonic()`."""
    made_here: bool
    """It came from a login of ours, and is nobody else's."""


@dataclass(frozen=True, slots=True)
class Token:
    """The present login."""

    secret: Secret
    epoch: int
    granted_s: float
    """The longest life that it was granted at once."""
    renewable: bool
    revocable: bool
    expires_at: float | None
    renew_at: float | None
    """None: it is not renewed."""
    replace_at: float | None
    """When a new login is due; None: never."""

    def is_dead(self) -> bool:
        return self.expires_at is not None and time.monotonic() >= self.expires_at

    def wants_renewal(self) -> bool:
        return self.renew_at is not None and time.monotonic() >= self.renew_at

    def wants_replacement(self) -> bool:
        return self.replace_at is not None and time.monotonic() >= self.replace_at

    def due_at(self) -> float | None:
        """When the next thing is due."""
        due = [at for at in (self.renew_at, self.replace_at) if at is not None]
        return min(due) if due else None


def first_token(grant: Grant, epoch: int, periods: Periods) -> Token:
    """The token of a login."""
    lives = grant.ttl_s > 0
    renewable = grant.renewable and not grant.is_batch
    return Token(
        secret=grant.secret,
        epoch=epoch,
        granted_s=grant.ttl_s,
        renewable=renewable,
        revocable=grant.made_here and not grant.is_batch,  # Vault refuses to revoke batch tokens
        expires_at=grant.since + grant.ttl_s if lives else None,
        renew_at=_share(grant, periods.renew_share, periods) if lives and renewable else None,
        replace_at=_share(grant, periods.replace_share, periods) if lives else None,
    )


def renewed_token(token: Token, grant: Grant, periods: Periods) -> Token:
    """The same token after a renewal. One that came back short is due to be replaced at once: at the end of a token's
    greatest life every lease that was made with it dies, whatever the lease says."""
    # Whole seconds: 0 is less than one here, for what lives for ever is never renewed.
    ttl_s = max(grant.ttl_s, LAST_SECOND_S)
    fresh = first_token(replace(grant, secret=token.secret, ttl_s=ttl_s), token.epoch, periods)
    short = ttl_s < periods.short_share * token.granted_s
    return replace(
        fresh,
        granted_s=max(token.granted_s, grant.ttl_s),
        revocable=token.revocable,
        renew_at=None if short else fresh.renew_at,
        replace_at=time.monotonic() if short else fresh.replace_at,
    )


def grant_of_auth(auth: Document | None, since: float, made_here: bool) -> Grant | None:
    """Out of `auth` of a login's or renewal's answer. None: it is not what it has to be."""
    if auth is None:
        return None
    return _grant(auth, "client_token", "lease_duration", "token_type", since, made_here)


def grant_of_lookup(data: Document | None, secret: Secret, since: float) -> Grant | None:
    """Out of `data` of lookup-self's answer. None: it is not what it has to be."""
    if data is None:
        return None
    grant = _grant({**data, "id": secret.reveal()}, "id", "ttl", "type", since, made_here=False)
    if grant is not None and grant.ttl_s == 0 and data.get("expire_time") is not None:
        # Whole seconds: 0 is a token in its last second as well as one that lives for ever.
        return replace(grant, ttl_s=LAST_SECOND_S)
    return grant


def _grant(
    document: Document, secret_key: str, ttl_key: str, type_key: str, since: float, made_here: bool
) -> Grant | None:
    secret, renewable = document.get(secret_key), document.get("renewable") or False
    ttl_s = seconds_of(document.get(ttl_key))
    if not isinstance(secret, str) or not secret or ttl_s is None or not isinstance(renewable, bool):
        return None
    if not secret.isascii() or not secret.isprintable():
        return None  # no header can hold it: every request with it would look like an outage until its end
    return Grant(Secret(secret), ttl_s, renewable, document.get(type_key) == "batch", since, made_here)


def _share(grant: Grant, share: float, periods: Periods) -> float:
    return grant.since + jittered(grant.ttl_s * share, periods.jitter)
