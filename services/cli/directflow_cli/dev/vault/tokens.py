"""The tokens: who is logged in, since when, and until when. A token's children go with it."""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from directflow_cli.dev.vault.lifetimes import Lifetime
from directflow_cli.dev.vault.policies import ROOT
from directflow_cli.dev.vault.refusal import Refused, denied

MOST_TOKENS = 10_000
SERVICE, BATCH = "service", "batch"


@dataclass(slots=True)
class Token:
    """One token. Only the store changes `expires_at`."""

    id: str = field(repr=False)
    accessor: str = field(repr=False)
    policies: tuple[str, ...]
    path: str
    """Where it was made: auth/token/create, auth/approle/login."""
    display_name: str
    lifetime: Lifetime
    created_at: float
    expires_at: float | None
    """None: the root token."""
    renewable: bool = False
    kind: str = SERVICE
    parent: str | None = field(default=None, repr=False)
    meta: Mapping[str, str] = field(default_factory=dict, repr=False)
    entity: str = ""

    @property
    def is_root(self) -> bool:
        return ROOT in self.policies


@dataclass(frozen=True, slots=True)
class Grant:
    """What a new token is to be."""

    path: str
    display_name: str
    policies: tuple[str, ...]
    lifetime: Lifetime = field(default_factory=Lifetime)
    kind: str = SERVICE
    renewable: bool = True
    meta: Mapping[str, str] = field(default_factory=dict, repr=False)
    entity: str = ""
    """Whoever logged in, under an id that means nothing."""


class TokenStore:
    """All tokens, bounded. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[str, Token] = {}
        self.root = self._store(_root())

    def create(self, grant: Grant, parent: Token | None = None) -> tuple[Token, tuple[str, ...]]:
        """A new token, and warnings about its TTL; Refused (429) when there are too many."""
        ttl_s, warnings = grant.lifetime.granted()
        now = time.time()
        made = Token(
            _identifier(grant.kind), secrets.token_urlsafe(18), grant.policies, grant.path, grant.display_name,
            grant.lifetime, now, now + ttl_s, grant.renewable and grant.kind == SERVICE, grant.kind,
            parent.id if parent else None, grant.meta, grant.entity,
        )  # fmt: skip
        return self._store(made), warnings

    def find(self, identifier: str) -> Token:
        """The living token; Refused (403)."""
        with self._lock:
            token = self._tokens.get(identifier)
        if token is None or (token.expires_at is not None and token.expires_at <= time.time()):
            raise denied()
        return token

    def alive(self, token: Token) -> bool:
        with self._lock:
            return token.id in self._tokens

    def renew(self, token: Token, asked_s: float) -> tuple[float, tuple[str, ...]]:
        """Seconds that it lives now, and warnings; Refused (400) for one that cannot be renewed."""
        if token.expires_at is None:
            raise Refused(400, "invalid lease ID")
        if not token.renewable:
            raise Refused(400, "lease is not renewable")
        ttl_s, warnings = token.lifetime.granted(asked_s, token.created_at)
        token.expires_at = time.time() + ttl_s
        return ttl_s, warnings

    def remove(self, identifier: str) -> list[str]:
        """The ids of the token and of all that descend from it: none of them is valid any more."""
        removed, waiting = [], [identifier]
        with self._lock:
            while waiting:
                current = waiting.pop()
                if self._tokens.pop(current, None) is not None:
                    removed.append(current)
                    waiting += [token.id for token in self._tokens.values() if token.parent == current]
        return removed

    def made_by(self, mount: str) -> list[Token]:
        """The tokens of a login method."""
        with self._lock:
            return [token for token in self._tokens.values() if token.path.startswith(mount)]

    def ends(self) -> list[tuple[float, str]]:
        """When which token dies."""
        with self._lock:
            return [(token.expires_at, token.id) for token in self._tokens.values() if token.expires_at is not None]

    def _store(self, token: Token) -> Token:
        with self._lock:
            if len(self._tokens) >= MOST_TOKENS:
                raise Refused(429, f"this stand-in holds at most {MOST_TOKENS} tokens")
            self._tokens[token.id] = token
        return token


def _root() -> Token:
    identifier, accessor = _identifier(SERVICE), secrets.token_urlsafe(18)
    return Token(identifier, accessor, (ROOT,), "auth/token/root", "root", Lifetime(), time.time(), None)


def _identifier(kind: str) -> str:
    return f"hv{'b' if kind == BATCH else 's'}.{secrets.token_urlsafe(24)}"
