"""The stand-in as its owner has it: start, stop, close."""

import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

from directflow_cli.dev.vault.approle import AppRole
from directflow_cli.dev.vault.core import Core
from directflow_cli.dev.vault.database import Database
from directflow_cli.dev.vault.http_server import HOST, HttpServer
from directflow_cli.dev.vault.jwt_login import JwtLogin
from directflow_cli.dev.vault.kubernetes import KubernetesLogin
from directflow_cli.dev.vault.kv import KeyValue
from directflow_cli.dev.vault.routes import Operation
from directflow_cli.dev.vault.sys_paths import Factory, SystemPaths
from directflow_cli.dev.vault.token_paths import TokenPaths

LOGINS: Mapping[str, Factory] = {"approle": AppRole, "jwt": JwtLogin, "kubernetes": KubernetesLogin}


class StandInVault:
    """One server. It ends with the process: everything is in its memory, and its threads are daemons.

    `psql` is the program that changes databases; without one there is no database engine. `tls` is a certificate and
    its key (PEM files).
    """

    def __init__(self, psql: Path | None = None, *, tls: tuple[Path, Path] | None = None) -> None:
        self._core = Core()
        self._port = 0
        self._tls = tls
        self._http: HttpServer | None = None
        self.unseal_key = secrets.token_hex(32)
        engines: dict[str, Factory] = {"kv": KeyValue}
        if psql is not None:
            engines["database"] = partial(Database, psql)
        self._core.mount("sys", SystemPaths(self._core, self.unseal_key, engines, LOGINS))
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

    def read(self, path: str) -> Mapping[str, Any]:
        """The data at /v1/`path`, as its owner: with the root token, but without HTTP. Raises Refused."""
        return self._call(Operation.READ, path, {})

    def write(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Writes, as its owner; the data of the answer."""
        return self._call(Operation.WRITE, path, body)

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

    def _call(self, operation: Operation, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._core.answer(operation, path, {}, body, self.root_token).data or {}
