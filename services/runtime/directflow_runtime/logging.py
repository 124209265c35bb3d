"""JSON lines on stderr, each with the trace and span it belongs to.

Lines of libraries (grpc, OpenTelemetry) go the same way. Exceptions are logged by type and stack only: their messages
may hold SQL values, host names or secrets.
"""

import logging
import sys
import traceback
from functools import partial
from types import TracebackType
from typing import TextIO

import structlog
from structlog.typing import FilteringBoundLogger

from directflow_runtime.log_lines import Event, Finish, LibraryLines, Lines, NamedLines
from directflow_runtime.settings import LoggingSettings

MAX_STACK_FRAMES = 40


def configure(settings: LoggingSettings, service: str, stream: TextIO | None = None) -> None:
    """Sets up logging for this process. Called once, by the boot of a service.

    `service` stands in every line. `stream` is stderr unless a test says otherwise.
    """
    lines, finish = Lines(stream or sys.stderr), Finish(service, describe_exception)
    structlog.configure(
        processors=[finish],
        wrapper_class=structlog.make_filtering_bound_logger(_level(settings)),
        logger_factory=partial(NamedLines, lines),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [LibraryLines(lines, finish)]
    root.setLevel(_level(settings))
    logging.getLogger("asyncio").setLevel(logging.WARNING)  # debug says which selector it uses
    logging.captureWarnings(True)


def configure_for_commands() -> None:
    """Warnings and errors of a command, in words on stderr. structlog's own default is stdout, which holds the data."""
    structlog.configure(processors=[_in_words], logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger; `name` says which part of the service speaks."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


def _in_words(logger: object, method: str, event: Event) -> str:
    if method in ("debug", "info"):
        raise structlog.DropEvent
    describe_exception(event)
    told = event.pop("event", "")
    return " ".join((f"{method}: {told}", *(f"{key}={value}" for key, value in event.items())))


def describe_exception(event: Event) -> None:
    """Replaces `exc_info` by the exception's type and stack. Its message stays out: it may hold values."""
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else None
    if error is None and info:
        error = info[1] if isinstance(info, tuple) else sys.exc_info()[1]
    if error is not None:
        event["exception_type"] = exception_types(error)
        event["stack"] = stack(error.__traceback__)


def exception_types(error: BaseException) -> str:
    """The exception's type, and those that caused it: "KeyError < psycopg.OperationalError"."""
    names: list[str] = []
    link: BaseException | None = error
    while link is not None and len(names) < 8:  # a cycle of causes is possible
        names.append(_type_name(link))
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return " < ".join(names)


def stack(trace_back: TracebackType | None) -> list[str]:
    """ "file:line in function", outermost first, without source lines and without values."""
    frames = traceback.extract_tb(trace_back)[-MAX_STACK_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]


def _type_name(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(error, BaseExceptionGroup):
        return f"{name}({', '.join(_type_name(part) for part in error.exceptions[:8])})"
    return name


def _level(settings: LoggingSettings) -> int:
    return logging.getLevelNamesMapping()[settings.level.upper()]
