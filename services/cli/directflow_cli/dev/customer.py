"""The customer's database that a local run connects to: the demo, or one of the user's own by its URL."""

import getpass
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES = ("postgresql", "postgres")
DEFAULT_PORT = 5432
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SSL_MODES = ("verify-full", "verify-ca", "require", "disable")
NO_PASSWORD = "no-password-was-given"  # noqa: S105 (sent to a server that asks for none: trust ignores it)


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
    default would take any certificate. Parameters that we do not know are refused rather than ignored. As with libpq
    the user defaults to the account's name, and the database to the user's.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError:
        raise UnusableUrl("the database URL has a port or an address that is no such thing") from None
    if parts.scheme not in SCHEMES:
        raise UnusableUrl("the database URL must begin with postgresql://")
    if not parts.hostname:
        raise UnusableUrl("the database URL names no host: postgresql://user:password@host:5432/database")
    options = _options(parts.query)
    user = unquote(parts.username or getpass.getuser())
    return CustomerDatabase(
        parts.hostname, port, unquote(parts.path.removeprefix("/")) or user, user,
        unquote(parts.password or NO_PASSWORD),
        sslmode=options.get("sslmode") or ("disable" if parts.hostname in LOOPBACK else "verify-full"),
        ca_pem=_read(options.get("sslrootcert", "")),
    )  # fmt: skip


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := options.keys() - {"sslmode", "sslrootcert"}:
        raise UnusableUrl(f"the database URL has parameters that are not supported: {', '.join(sorted(unknown))}")
    if options.get("sslmode", SSL_MODES[0]) not in SSL_MODES:
        # `prefer` and `allow` mean "encrypted or not, whatever": nobody can rely on it.
        raise UnusableUrl(f"sslmode in the database URL must be one of {', '.join(SSL_MODES)}")
    return options


def _read(path: str) -> str:
    try:
        return Path(path).read_text() if path else ""
    except OSError as problem:
        raise UnusableUrl(f"sslrootcert cannot be read: {problem.strerror}") from None
