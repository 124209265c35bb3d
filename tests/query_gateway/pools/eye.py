"""Sees how many sessions a server has."""

import threading

import psycopg
from directflow_cli.dev.postgres import PostgresServer


class Eye:
    """Counts a role's sessions on the server without a pause, and keeps the highest number."""

    def __init__(self, server: PostgresServer, role: str) -> None:
        self._dsn, self._role = server.admin_dsn(), role
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most = self.looks = 0

    def __enter__(self) -> "Eye":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _watch(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as admin:
            while not self._ending.wait(0.002):
                query = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
                (now,) = admin.execute(query, [self._role]).fetchone() or (0,)
                self.most, self.looks = max(self.most, now), self.looks + 1
