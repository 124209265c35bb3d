"""One command's conversation with one service: channel, root span, errors, exit code."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
import typer
from directflow_runtime.channel import open_channel
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.logging import configure_for_commands
from directflow_runtime.remote import remote_error
from directflow_runtime.settings import SettingsError
from directflow_runtime.telemetry import telemetry
from opentelemetry.trace import format_trace_id

from directflow_cli.commands.endpoints import Service, Target
from directflow_cli.commands.exit_codes import ExitCode, exit_code_of
from directflow_cli.commands.failures import lines_of


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with."""

    channel: Any
    """Traced; it takes any stub."""
    trace_id: str
    """32 hex digits: the trace that began in this command."""


Work = Callable[[Session], Awaitable[ExitCode]]


def converse(target: Target, command: str, work: Work, sql: str | None = None) -> NoReturn:
    """Runs `work` against `target` under a root span named after the command, and ends the process with its code.

    `sql` is what the user wrote, so that an error can point into it.
    """
    end_with(lambda: conversation(target, command, work), sql)


def end_with(main: Callable[[], Coroutine[Any, Any, ExitCode]], sql: str | None = None) -> NoReturn:
    """Runs `main`, prints its error if it has one, and ends the process with the exit code that belongs to it."""
    configure_for_commands()
    try:
        code = asyncio.run(_until_told(main))
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more when it flushes stdout at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.BROKEN_PIPE
    except SettingsError as error:  # files of certificates
        raise typer.BadParameter(str(error)) from None
    except DirectFlowError as error:
        tell("\n".join(lines_of(error, sql)))
        code = exit_code_of(error.code, error.reason)
    raise typer.Exit(code)


def tell(text: str) -> None:
    """Says something to the person, on stderr: stdout is for the data."""
    typer.echo(text, err=True)


async def conversations(
    targets: Mapping[Service, Target], command: str, work: Callable[[Mapping[Service, Any]], Awaitable[ExitCode]]
) -> ExitCode:
    """As `conversation`, with several services at once: `work` gets a traced channel for each."""
    first = next(iter(targets.values()))
    async with telemetry(first.telemetry, "directflow-cli") as traces, AsyncExitStack() as stack:
        tracer = traces.tracer("directflow_cli")
        with tracer.start_as_current_span(command, record_exception=False) as span:
            tell(f"trace {format_trace_id(span.get_span_context().trace_id)}")
            channels = {
                service: await stack.enter_async_context(open_channel(target.channel, tracer))
                for service, target in targets.items()
            }
            return await work(channels)


async def conversation(target: Target, command: str, work: Work) -> ExitCode:
    """What `converse` runs."""
    async with telemetry(target.telemetry, "directflow-cli") as traces:
        tracer = traces.tracer("directflow_cli")
        with tracer.start_as_current_span(command, record_exception=False) as span:
            trace_id = format_trace_id(span.get_span_context().trace_id)
            tell(f"trace {trace_id}")
            try:
                async with open_channel(target.channel, tracer) as channel:
                    return await work(Session(channel, trace_id))
            except grpc.aio.AioRpcError as error:
                raise remote_error(error) from None


async def _until_told(main: Callable[[], Coroutine[Any, Any, ExitCode]]) -> ExitCode:
    """SIGTERM ends it as Ctrl-C does: calls are cancelled, drafts and credentials are removed."""
    task = asyncio.ensure_future(main())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
