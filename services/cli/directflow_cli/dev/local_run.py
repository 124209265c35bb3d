"""One run of `directflow dev`, from the database to the last service, and back again in the opposite order."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from directflow_cli.dev import databases, demo_definitions, own_database, ports, report, signals, vault_custody
from directflow_cli.dev.background import BackgroundLoop
from directflow_cli.dev.databases import Databases
from directflow_cli.dev.journey import CommandLine, Journey, Step
from directflow_cli.dev.options import DevOptions
from directflow_cli.dev.processes import ServicePlan, ServiceProcess
from directflow_cli.dev.settings_files import CONNECTION, WORKSPACE, SettingsFiles
from directflow_cli.dev.state import TRACES_FILE, DevState, run_directory
from directflow_cli.dev.steps import preparation, steps
from directflow_cli.traces.receiver import Receiver
from directflow_cli.traces.store import SpanStore

INTERRUPTED = 130
"""The exit code of a shell's command that Ctrl-C ended."""


def run(options: DevOptions, console: Console, command_line: CommandLine) -> int:
    """Serves until the journey is done (`--once`) or a signal comes, and returns the exit code."""
    signals.end_by_interrupt()
    try:
        with run_directory() as directory, ports.claimed() as chosen, databases.serving(options, console) as found:
            return LocalRun(options, console, command_line, directory, chosen, found).serve()
    except KeyboardInterrupt:
        console.print("Stopped.")
        return INTERRUPTED if options.once else 0


@dataclass
class LocalRun:
    """The running part: receiver, services, journey, and the wait for the end."""

    options: DevOptions
    console: Console
    command_line: CommandLine
    directory: Path
    ports: dict[str, int]
    databases: Databases
    store: SpanStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = SpanStore(self.directory / TRACES_FILE)

    def serve(self) -> int:
        """The exit code of the journey; without `--once` it serves on, until an exception ends that."""
        with ExitStack() as stack:
            receiver = stack.enter_context(Receiver(self.store, self.ports["otlp"]))
            loop = stack.enter_context(BackgroundLoop())
            services = list(self._start(stack, loop, receiver.address))
            state = self._publish(services, receiver.address)
            failed = self._walk(state)
            if self.options.once:
                return 1 if failed else 0
            report.endpoints(self.console, state, self.options)
            loop.run(_first_end(services))
        return 0

    def _remarks(self, state: DevState) -> list[str]:
        return own_database.remarks(state.gateway, self.databases.customer) if self.options.own_database else []

    def _walk(self, state: DevState) -> list[Step]:
        for remark in self._remarks(state):
            self.console.print(remark, style="yellow", markup=False, highlight=False, soft_wrap=True)
        journey = Journey(self.console, self.command_line, state, self.store)
        definitions = self._definitions()
        return journey.walk(steps(self.options, self.directory), preparation(self.options, definitions))

    def _start(self, stack: ExitStack, loop: BackgroundLoop, otlp: str) -> Iterator[ServiceProcess]:
        """Starts the services, each after what it needs; the stack stops them the other way round."""
        custody = stack.enter_context(vault_custody.serving(self.directory))
        where = f"a stand-in for Vault on {custody.vault.address}"
        report.done(self.console, f"{where}: every password is in it, and the gateway logs in by AppRole")
        files = SettingsFiles(self.directory, self.ports, otlp, custody)
        yield (serving := self._serve(stack, loop, self._gateway(files)))
        yield self._serve(stack, loop, files.segments(serving.address, None))
        yield self._serve(stack, loop, files.conditions(serving.address, None))

    def _gateway(self, files: SettingsFiles) -> ServicePlan:
        customer, own = self.databases.customer, self.databases.directflow
        if self.options.applies_connection and own is not None:
            return files.empty_gateway({(WORKSPACE, CONNECTION): customer.password}, own)
        return files.gateway(customer, own_database=self.options.own_database, directflow=own)

    def _definitions(self) -> Path | None:
        """What the journey applies."""
        if self.options.applies_connection:
            return demo_definitions.write(self.directory, self.databases.customer)
        return self.options.definitions

    def _serve(self, stack: ExitStack, loop: BackgroundLoop, plan: ServicePlan) -> ServiceProcess:
        service = stack.enter_context(loop.entered(ServiceProcess(plan)))
        report.done(self.console, f"{plan.name} on {service.address}")
        return service

    def _publish(self, services: list[ServiceProcess], otlp: str) -> DevState:
        gateway, segments, conditions = (service.address for service in services)
        state = DevState(str(self.directory), os.getpid(), WORKSPACE, gateway, segments, conditions, otlp)
        state.write()
        return state


async def _first_end(services: list[ServiceProcess]) -> None:
    """Waits until one of them ends by itself, which raises ServiceFailed."""
    ends = [asyncio.ensure_future(service.ended()) for service in services]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
    for end in ends:
        if end.done():
            end.result()
