"""The processes of the platform by their names, and the DirectFlow database that they share."""

import asyncio
import json
import os
import signal
from dataclasses import dataclass, field
from typing import Any

import psycopg
from directflow_cli.dev.background import BackgroundLoop
from directflow_cli.dev.directflow_database import DirectFlowDatabase
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.processes import ServicePlan, ServiceProcess
from directflow_cli.traces.store import SpanStore


@dataclass
class System:
    """Everything that runs, by names such as "gateway-1" and "segments-2".

    gateway-1, gateway-2 and gateway-3 share the DirectFlow database; segments-N and conditions-N follow gateway-N. Who
    calls gateway-3, segments-2 or conditions-2 may use workspace a only. gateway-1 runs nothing but what was saved.
    """

    customers: PostgresServer
    own_server: PostgresServer
    own: DirectFlowDatabase
    databases: dict[str, str]
    """Of the customers, by workspace."""
    spans: SpanStore = field(repr=False)
    loop: BackgroundLoop = field(repr=False)
    processes: dict[str, ServiceProcess] = field(default_factory=dict)
    at_start: dict[str, list[dict[str, Any]]] = field(default_factory=dict, repr=False)
    """Log lines, until everything was set up."""

    def start(self, plans: dict[str, ServicePlan]) -> None:
        """All of them at the same moment; returns when they serve."""
        for name, plan in plans.items():
            self.processes[name] = ServiceProcess(plan)

        async def together() -> None:
            await asyncio.gather(*(self.processes[name].__aenter__() for name in plans))

        self.loop.run(together())

    def stop(self) -> None:
        async def together() -> None:
            await asyncio.gather(*(process.stop() for process in self.processes.values()))

        self.loop.run(together())

    def end(self, name: str, how: signal.Signals) -> None:
        """SIGTERM drains; SIGKILL does not."""
        os.kill(self.announced(name)["pid"], how)
        self.loop.run(self.processes[name].stop())

    def again(self, name: str) -> None:
        """The same service with the same settings, on the same port."""
        self.start({name: self.processes[name].plan})

    def announced(self, name: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.processes[name].plan.announce.read_text())
        return said

    def log_lines(self, name: str) -> list[dict[str, Any]]:
        text = self.processes[name].log.file.read_text()
        return [json.loads(line) for line in text.splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Log lines that are not one line of one call."""
        return [line for line in self.log_lines(name) if line["event"] != "call"]

    def own_rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the superuser sees in the DirectFlow database."""
        with psycopg.connect(self.own_server.admin_dsn(self.own.database), autocommit=True) as admin:
            return admin.execute(sql, parameters or None).fetchall()

    def sessions(self) -> dict[str, int]:
        """Sessions of the three roles in the DirectFlow database."""
        found = self.own_rows(
            "SELECT usename, count(*) FROM pg_stat_activity WHERE usename ~ '^directflow_' GROUP BY 1"
        )
        return {str(name): int(count) for name, count in found}
