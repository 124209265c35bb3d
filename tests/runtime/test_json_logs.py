"""Log lines: JSON, with trace ids, and without a value of any exception."""

import io
import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog
from directflow_runtime import logging as runtime_logging
from directflow_runtime.settings import LoggingSettings
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

SECRET = "4111-1111-1111-1111"


class Log:
    def __init__(self) -> None:
        self.stream = io.StringIO()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    """Logging set up as a service does; the test run's own set-up comes back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    written = Log()
    runtime_logging.configure(LoggingSettings(level="info"), "directflow-test", written.stream)
    yield written
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


def fail() -> None:
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise ConnectionError(SECRET) from error


def test_a_line_is_json_with_level_service_and_time(log: Log) -> None:
    runtime_logging.get_logger("part").warning("something happened", rows=3)
    (line,) = log.lines()
    assert {**line, "timestamp": ""} == {
        "event": "something happened",
        "rows": 3,
        "level": "warning",
        "logger": "part",
        "service": "directflow-test",
        "timestamp": "",
        "trace_id": "",
        "span_id": "",
    }


def test_every_line_within_a_span_has_its_ids(log: Log) -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("work") as span:
        runtime_logging.get_logger("part").info("ours")
        logging.getLogger("library").warning("theirs")
    context = span.get_span_context()
    expected = (trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id))
    assert [(line["trace_id"], line["span_id"]) for line in log.lines()] == [expected, expected]


def test_exceptions_are_told_by_type_and_stack(log: Log) -> None:
    try:
        fail()
    except ConnectionError as error:
        runtime_logging.get_logger("part").error("broken", exc_info=error)
        runtime_logging.get_logger("part").exception("broken")
        logging.getLogger("library").exception("broken")
    assert SECRET not in log.stream.getvalue()
    for line in log.lines():
        assert line["exception_type"] == "ConnectionError < KeyError"
        assert line["stack"][-1].endswith("in fail")


def test_groups_of_exceptions_name_their_members() -> None:
    group = ExceptionGroup(SECRET, [ValueError(SECRET), json.JSONDecodeError("x", SECRET, 0)])
    assert runtime_logging.exception_types(group) == "ExceptionGroup(ValueError, json.decoder.JSONDecodeError)"


def test_a_cycle_of_causes_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert runtime_logging.exception_types(first).count("<") == 7


def test_the_level_holds_for_us_and_for_libraries(log: Log) -> None:
    runtime_logging.get_logger("part").debug("quiet")
    logging.getLogger("library").debug("quiet")
    assert log.lines() == []


def test_a_library_whose_format_does_not_fit_still_has_its_line_without_the_values(log: Log) -> None:
    record = logging.LogRecord("library", logging.WARNING, __file__, 1, "%d rows", (SECRET,), None)
    logging.getLogger().handlers[0].handle(record)  # not through pytest's own handler, which raises
    (line,) = log.lines()
    assert (line["logger"], line["level"], line["exception_type"]) == ("library", "warning", "TypeError")
    assert SECRET not in log.stream.getvalue()


def test_a_value_that_json_does_not_know_does_not_cost_the_line(log: Log) -> None:
    runtime_logging.get_logger("part").info("called", path=Path("/tmp"))
    assert log.lines()[0]["path"] == repr(Path("/tmp"))


def test_a_line_is_whole_on_the_stream_before_the_call_returns() -> None:
    program = (
        "import os; from directflow_runtime import logging; from directflow_runtime.settings import LoggingSettings;"
        "logging.configure(LoggingSettings(), 'dies'); logging.get_logger('part').info('last words'); os._exit(9)"
    )
    died = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert died.returncode == 9
    assert json.loads(died.stderr)["event"] == "last words"


def test_a_reader_that_has_gone_does_not_fail_whoever_speaks(log: Log) -> None:
    log.stream.close()
    runtime_logging.get_logger("part").error("nobody hears this")
    logging.getLogger("library").error("nor this")


def test_lines_of_threads_do_not_mix(log: Log) -> None:
    def speak(number: int) -> None:
        for _ in range(200):
            runtime_logging.get_logger("part").info("x" * 50, number=number)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(speak, range(4)))
    assert Counter(line["number"] for line in log.lines()) == dict.fromkeys(range(4), 200)
