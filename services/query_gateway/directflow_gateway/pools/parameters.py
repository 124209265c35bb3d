"""What libpq is told: everything. The rest it would take from PG* variables and from files in the home directory."""

import os
import tempfile
from collections.abc import Mapping
from typing import IO

from psycopg.conninfo import make_conninfo

from directflow_gateway.connections import Connection, SslMode
from directflow_gateway.credentials import Credential

APPLICATION_NAME = "directflow"
"""Of sessions between transactions; each transaction sets its own."""
SCRAM = "scram-sha-256"
SCRAM_MD5_OR_TRUST = "scram-sha-256,md5,none"
PREFIX = "PG"

FIXED: Mapping[str, str] = {
    "application_name": APPLICATION_NAME,
    "client_encoding": "UTF8",
    "gssencmode": "disable",
    "sslcertmode": "disable",  # no client certificate from ~/.postgresql
    "passfile": os.devnull,
    "target_session_attrs": "any",
    # No `options`: PgBouncer refuses startup options. A peer that vanishes is noticed within half a minute.
    "keepalives": "1",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


def forget_environment() -> None:
    """Takes the PG* variables out of this process's environment. Some of them (PGTZ, PGSERVICE, PGOPTIONS) cannot be
    overruled by any parameter, and would change what every customer's session means."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]


def conninfo(
    connection: Connection, credential: Credential, address: str, ca_path: str, *, bind_channel: bool = True
) -> str:
    """libpq's parameters for one resolved address. It holds the password: never log it. `bind_channel`: False for a
    pooler that cannot."""
    tls = connection.sslmode is not SslMode.DISABLE
    return make_conninfo(
        host=connection.host,  # the name that the certificate must have
        hostaddr=address,  # the address that was checked; libpq looks up no name again
        port=connection.port,
        dbname=connection.database,
        user=credential.user,
        password=credential.password.reveal(),
        sslmode=connection.sslmode.value,
        sslrootcert=ca_path or ("system" if connection.sslmode is SslMode.VERIFY_FULL else ""),
        require_auth=SCRAM if connection.require_scram else SCRAM_MD5_OR_TRUST,
        channel_binding="require" if tls and connection.require_scram and bind_channel else "disable",
        **FIXED,
    )


class CaFile:
    """Certificate authorities as a file, for libpq takes no text; without a place in the file system where possible."""

    def __init__(self, pem: str) -> None:
        self._file: IO[bytes] | None = _anonymous(pem) if pem else None

    @property
    def path(self) -> str:
        """Empty where there are none."""
        if self._file is None:
            return ""
        return f"/proc/self/fd/{self._file.fileno()}" if isinstance(self._file.name, int) else str(self._file.name)

    def close(self) -> None:
        """Afterwards no new connection can be made with it."""
        if self._file is not None:
            self._file.close()


def _anonymous(pem: str) -> IO[bytes]:
    file: IO[bytes]
    if hasattr(os, "memfd_create"):  # the root file system of a pod is read-only
        file = os.fdopen(os.memfd_create("directflow-ca"), "w+b")
    else:
        file = tempfile.NamedTemporaryFile()  # noqa: SIM115 (closed by CaFile.close)
    file.write(pem.encode())
    file.flush()
    return file
