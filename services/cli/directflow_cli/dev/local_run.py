"""One run of `directflow dev`, from the database to the last service, and back again in the opposite order."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console

from directflow_cli.dev import ports, postgres_binaries, report
from directflow_cli.dev.customer import CustomerDatabase, from_url
from directflow_cli.dev.demo_database import demo_database
from directflow_cli.dev.journey import CommandLine, Journey
from directflow_cli.dev.options import DevOptions
from directflow_cli.dev.processes import ServicePlan, ServiceProcess
from directflow_cli.dev.settings_files import WORKSPACE, SettingsFiles
from directflow_cli.dev.state import TRACES_FILE, DevState, run_directory
from directflow_cli.dev.steps import steps
from directflow_cli.traces.receiver import Receiver
from directflow_cli.traces.store import SpanStore

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIGNAL_EXIT_BASE = 128
INTERRUPTED = SIGNAL_EXIT_BASE + signal.SIGINT


def run(options: DevOptions, console: Console, command_line: CommandLine) -> int:
    """Serves until the journey is done (`--once`) or a signal comes, and returns the exit code."""
    for signum in ENDING:
        signal.signal(signum, _unwind)
    with run_directory() as directory, ports.claimed() as chosen, _customer(options, console) as database:
        return asyncio.run(LocalRun(options, console, command_line, directory, chosen, database).serve())


def _unwind(signum: int, _: FrameType | None) -> NoReturn:
    """Before the event loop runs: leaves every block on the way out, which stops what it started."""
    raise SystemExit(SIGNAL_EXIT_BASE + signum)


@contextmanager
def _customer(options: DevOptions, console: Console) -> Iterator[CustomerDatabase]:
    """The customer's database: the user's own, or the demo's, which lives as long as the block."""
    if options.own_database:
        yield from_url(options.database_url)
        return
    programs = options.postgres_bin
    installation = postgres_binaries.at(programs) if programs else postgres_binaries.choose("embedded-first")
    name = f"PostgreSQL {installation.version}{' (embedded)' if installation.embedded else ''}"
    with ExitStack() as stack:
        with report.working(console, name) as say:
            found = stack.enter_context(demo_database(installation, options.users, say))
        report.done(console, f"{name} on {found.host}:{found.port}: a demo customer with {options.users:,} people")
        yield found


@dataclass
class LocalRun:
    """The running part: receiver, services, journey, and the wait for the end."""

    options: DevOptions
    console: Console
    command_line: CommandLine
    directory: Path
    ports: dict[str, int]
    database: CustomerDatabase
    store: SpanStore = field(init=False)
    services: list[ServiceProcess] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.store = SpanStore(self.directory / TRACES_FILE)

    async def serve(self) -> int:
        """The exit code: 0 after a good journey, or when a signal ended what would have served for ever."""
        _cancel_on_signals()
        try:
            async with AsyncExitStack() as stack:
                state = await self._start(stack)
                state.write()
                return await self._until_the_end(state)
        except asyncio.CancelledError:
            self.console.print("Stopped.")
            return INTERRUPTED if self.options.once else 0

    async def _start(self, stack: AsyncExitStack) -> DevState:
        """Starts the receiver and the services, each after what it needs; the stack stops them the other way round."""
        receiver = await stack.enter_async_context(Receiver(self.store, self.ports["otlp"]))
        files = SettingsFiles(self.directory, self.ports, receiver.address)
        definitions = self.options.definition_file
        gateway = await self._serve(stack, files.gateway(self.database, own_database=self.options.own_database))
        segments = await self._serve(stack, files.segments(gateway, definitions("segments")))
        conditions = await self._serve(stack, files.conditions(gateway, definitions("conditions")))
        return DevState(
            str(self.directory), os.getpid(), WORKSPACE, gateway, segments, conditions, otlp=receiver.address
        )

    async def _serve(self, stack: AsyncExitStack, plan: ServicePlan) -> str:
        service = await stack.enter_async_context(ServiceProcess(plan))
        self.services.append(service)
        report.done(self.console, f"{plan.name} on {service.address}")
        return service.address

    async def _until_the_end(self, state: DevState) -> int:
        """Whatever comes first: the end of the journey with `--once`, or of a service by itself (ServiceFailed)."""
        work = asyncio.create_task(self._work(state))
        tasks = [work, *(asyncio.create_task(service.ended()) for service in self.services)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        return next(task.result() for task in tasks if task in done)

    async def _work(self, state: DevState) -> int:
        failed = await Journey(self.console, self.command_line, state, self.store).walk(steps(self.options))
        if self.options.once:
            return 1 if failed else 0
        report.endpoints(self.console, state)
        await asyncio.Event().wait()
        return 0


def _cancel_on_signals() -> None:
    """From here on a signal cancels, so that awaits end; a second one cancels the draining too, which kills."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for signum in ENDING:
        loop.add_signal_handler(signum, task.cancel if task else loop.stop)
