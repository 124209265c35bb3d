"""The three services as processes: started, awaited by their announce files, drained, and never left behind."""

import asyncio
import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from directflow_cli.dev.service_log import BoundedLog

READY_SECONDS = 30.0
DRAIN_SECONDS = 10.0
POLL_SECONDS = 0.02
READ_BYTES = 64 * 1024


class ServiceFailed(Exception):
    """A service did not start, or ended by itself. The message has the end of its log."""


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """How one service is run."""

    name: str
    module: str
    """Run as `python -m module --config FILE`."""
    config: Path
    announce: Path
    """The file that the service writes once it serves; the configuration names the same."""


class ServiceProcess:
    """One running service. `async with ServiceProcess(plan) as service:` serves inside the block."""

    def __init__(self, plan: ServicePlan) -> None:
        self.plan = plan
        self.log = BoundedLog(plan.config.with_name(f"{plan.name}.log"))
        self.port = 0
        """Known once it serves."""
        self._process: asyncio.subprocess.Process | None = None
        self._pump: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def __aenter__(self) -> "ServiceProcess":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self.plan.module, "--config", str(self.plan.config),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=clean_environment(),
            start_new_session=True,  # Ctrl-C is for us: we drain the services in their order
        )  # fmt: skip
        self._pump = asyncio.create_task(self._keep_log(self._process))
        try:
            await self._serving()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def ended(self) -> NoReturn:
        """Returns never while it serves; raises ServiceFailed when it ends without being asked."""
        code = await self._running().wait()
        await asyncio.sleep(POLL_SECONDS)  # the pump reads what it said last
        raise ServiceFailed(f"{self.plan.name} ended with exit code {code}:\n{self.log.tail()}")

    async def stop(self, grace: float = DRAIN_SECONDS) -> None:
        """SIGTERM, which drains; SIGKILL when that takes longer than `grace` seconds."""
        process = self._running()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(grace):
                await process.wait()
        except TimeoutError:
            self.kill()
            await process.wait()
        except asyncio.CancelledError:  # a second Ctrl-C
            self.kill()
            raise
        if self._pump is not None:
            await self._pump

    def kill(self) -> None:
        """At once, without draining."""
        with contextlib.suppress(ProcessLookupError):
            self._running().kill()

    async def _serving(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while (announced := self._announced()) is None:
            if self._running().returncode is not None:
                await self.ended()
            if time.monotonic() > deadline:
                raise ServiceFailed(f"{self.plan.name} did not serve within {READY_SECONDS:.0f} s:\n{self.log.tail()}")
            await asyncio.sleep(POLL_SECONDS)
        self.port = announced

    def _announced(self) -> int | None:
        """The port; the process id in the file must be ours, an older run's file says nothing."""
        try:
            said = json.loads(self.plan.announce.read_text())
        except (FileNotFoundError, ValueError):
            return None  # not yet, or half written
        return int(said["port"]) if said["pid"] == self._running().pid else None

    async def _keep_log(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is not None:
            while data := await process.stdout.read(READ_BYTES):
                self.log.append(data)

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise ServiceFailed(f"{self.plan.name} was never started")
        return self._process


def clean_environment() -> dict[str, str]:
    """Ours without what would override the configuration we wrote, or send a service's spans elsewhere."""
    foreign = ("DIRECTFLOW_", "PG", "OTEL_", "GRPC_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
