"""The four ways to log in."""

import time
from pathlib import Path

from directflow_runtime.secrets import Secret

from directflow_gateway.threads import NoThread, Threads
from directflow_gateway.vault.exchanges import Exchanges
from directflow_gateway.vault.failures import FailureKind
from directflow_gateway.vault.reply import Fault, Reply
from directflow_gateway.vault.request import Request
from directflow_gateway.vault.settings import FILES, LoginMethod, VaultLoginSettings
from directflow_gateway.vault.token import Grant, grant_of_auth, grant_of_lookup

LARGEST_FILE = 64 * 1024


class Login:
    """Makes tokens by the method of the settings."""

    def __init__(self, settings: VaultLoginSettings, exchanges: Exchanges, threads: Threads) -> None:
        self._settings = settings
        self._exchanges = exchanges
        self._threads = threads

    async def __call__(self, ends_at: float) -> Grant | Fault:
        """One login, its files read now. `ends_at` on the clock of `time.monotonic()`."""
        since = time.monotonic()
        try:
            contents = await self._threads.run(self._contents)
        except NoThread:
            return Fault(FailureKind.UNREACHABLE, "no thread")
        if isinstance(contents, Fault):
            return contents
        if self._settings.method is LoginMethod.TOKEN:
            return await self._look_up(contents["token_file"], since, ends_at)
        outcome = await self._exchanges.run(Request("POST", self._settings.path, body=self._body(contents)), ends_at)
        if isinstance(outcome, Fault):
            return outcome
        return grant_of_auth(outcome.auth, since, made_here=True) or _malformed(outcome)

    async def _look_up(self, secret: Secret, since: float, ends_at: float) -> Grant | Fault:
        outcome = await self._exchanges.run(look_up(secret), ends_at)
        if isinstance(outcome, Fault):
            return outcome
        return grant_of_lookup(outcome.data, secret, since) or _malformed(outcome)

    def _body(self, contents: dict[str, Secret]) -> dict[str, object]:
        if self._settings.method is LoginMethod.APPROLE:
            return {
                "role_id": contents["role_id_file"].reveal(),
                "secret_id": contents["secret_id_file"].reveal(),
            }
        return {"role": self._settings.role, "jwt": contents["token_file"].reveal()}

    def _contents(self) -> dict[str, Secret] | Fault:
        contents = {}
        for name in FILES:
            path: Path | None = getattr(self._settings, name)
            if path is not None:
                secret = _read(path)
                if secret is None:
                    return Fault(FailureKind.REFUSED, f"{name} cannot be read", retried=False)
                contents[name] = secret
        return contents


def look_up(secret: Secret) -> Request:
    """Asks about a token in its own name: a dead one is DENIED."""
    return Request("GET", "auth/token/lookup-self", token=secret)


def renew(secret: Secret) -> Request:
    return Request("POST", "auth/token/renew-self", token=secret, body={})


def revoke(secret: Secret) -> Request:
    return Request("POST", "auth/token/revoke-self", token=secret, body={})


def _read(path: Path) -> Secret | None:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE + 1).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):  # both hold what must not travel: the path, the content
        return None
    return Secret(text) if text.isprintable() and 0 < len(text) <= LARGEST_FILE else None


def _malformed(reply: Reply) -> Fault:
    return Fault(FailureKind.MALFORMED, "no token", retried=False, status=reply.status)
