"""The stand-in as its owner has it: start, stop, close."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from directflow_cli.dev.vault.approle import AppRole
from directflow_cli.dev.vault.core import Core
from directflow_cli.dev.vault.database import Database
from directflow_cli.dev.vault.http_server import HOST, HttpServer
from directflow_cli.dev.vault.jwt_login import JwtLogin
from directflow_cli.dev.vault.kubernetes import KubernetesLogin
from directflow_cli.dev.vault.kv import KeyValue
from directflow_cli.dev.vault.sys_paths import Factory, SystemPaths
from directflow_cli.dev.vault.token_paths import TokenPaths

SECRETS: Mapping[str, Factory] = {"kv": KeyValue, "database": Database}
LOGINS: Mapping[str, Factory] = {"approle": AppRole, "jwt": JwtLogin, "kubernetes": KubernetesLogin}


class StandInVault:
    """One server. It ends with the process: everything is in its memory, and its threads are daemons.

    `psql` is the program that changes databases. `tls` is a certificate and its key (PEM files).
    """

    def __init__(self, psql: Path, *, port: int = 0, tls: tuple[Path, Path] | None = None) -> None:
        self._core = Core(psql)
        self._port = port
        self._tls = tls
        self._http: HttpServer | None = None
        self.unseal_key = secrets.token_hex(32)
        self._core.mount("sys", SystemPaths(self._core, self.unseal_key, SECRETS, LOGINS))
        self._core.mount("auth/token", TokenPaths(self._core), "token based credentials")

    def __repr__(self) -> str:
        return f"<StandInVault at {self.address}>"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """http://127.0.0.1:port; the port is known since the first start."""
        return f"http{'s' if self._tls else ''}://{HOST}:{self._port}"

    @property
    def root_token(self) -> str:
        return self._core.tokens.root.id

    def start(self) -> None:
        """Serves, on the same port as before; what was due while it was stopped happens now."""
        if self._http is None:
            self._http = HttpServer(self._core, self._port, self._tls)
            self._port = self._http.server_port
            self._http.serve()
            if not self._core.sealed:
                self._core.clock.start()

    def stop(self) -> None:
        """Nobody listens and nothing ends by time; the data stay."""
        http, self._http = self._http, None
        if http is not None:
            http.end()
        self._core.clock.pause()

    def close(self) -> None:
        """For good. Roles that were made for leases are dropped where their database still answers."""
        self.stop()
        self._core.leases.revoke(self._core.leases.below(""))
