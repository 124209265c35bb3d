"""The customer's database that a local run connects to: the demo, or one of the user's own by its URL."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES = ("postgresql", "postgres")
DEFAULT_PORT = 5432
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class UnusableUrl(Exception):
    """A database URL that cannot be used. The message never repeats the URL: it holds a password."""


@dataclass(frozen=True, slots=True)
class CustomerDatabase:
    """Where it is, and who we are there."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    sslmode: str = "verify-full"
    ca_pem: str = ""
    """Authorities that may have signed the server's certificate; empty: the system's."""

    @property
    def label(self) -> str:
        """For people; without the password."""
        return f"{self.user}@{self.host}:{self.port}/{self.database} (sslmode={self.sslmode})"


def from_url(url: str) -> CustomerDatabase:
    """Reads `postgresql://user:password@host:port/database?sslmode=...&sslrootcert=FILE`.

    Without sslmode a server on this machine is reached in plain text, and any other by `verify-full`: libpq's own
    default would take any certificate. Parameters that we do not know are refused rather than ignored.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError:
        raise UnusableUrl("the database URL has a port or an address that is no such thing") from None
    if parts.scheme not in SCHEMES:
        raise UnusableUrl("the database URL must begin with postgresql://")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := options.keys() - {"sslmode", "sslrootcert"}:
        raise UnusableUrl(f"the database URL has parameters that are not supported: {', '.join(sorted(unknown))}")
    host = parts.hostname or ""
    database = unquote(parts.path.removeprefix("/"))
    for value, what in ((host, "host"), (parts.username, "user"), (parts.password, "password"), (database, "database")):
        if not value:
            raise UnusableUrl(f"the database URL names no {what}: postgresql://user:password@host:5432/database")
    return CustomerDatabase(
        host, port, database, unquote(parts.username or ""), unquote(parts.password or ""),
        sslmode=options.get("sslmode") or ("disable" if host in LOOPBACK else "verify-full"),
        ca_pem=_read(options.get("sslrootcert", "")),
    )  # fmt: skip


def _read(path: str) -> str:
    try:
        return Path(path).read_text() if path else ""
    except OSError as problem:
        raise UnusableUrl(f"sslrootcert cannot be read: {problem.strerror}") from None
