"""The journey runs the commands themselves, goes on after a failure, and shows one trace of everything."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from directflow_cli.dev.journey import Journey, Step
from directflow_cli.dev.state import DevState, running
from directflow_cli.traces.receiver import Receiver
from directflow_cli.traces.store import SpanStore
from opentelemetry import trace
from rich.console import Console

STEPS = [Step("First", ("segment", "list")), Step("Second", ("audience", "count", "with space"))]


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, SpanStore]]:
    store = SpanStore()
    with Receiver(store) as running_receiver:
        yield running_receiver, store


def state_of(receiver: Receiver, directory: Path) -> DevState:
    return DevState(str(directory), 1, "demo", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", receiver.address)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_command_runs_in_this_runs_context_and_below_one_span(
    receiver: tuple[Receiver, SpanStore], tmp_path: Path
) -> None:
    state = state_of(receiver[0], tmp_path)
    seen: list[tuple[Sequence[str], DevState | None, int]] = []

    def command_line(arguments: Sequence[str]) -> int:
        seen.append((arguments, running(), trace.get_current_span().get_span_context().trace_id))
        return 0

    console = Console(file=io.StringIO(), width=150)
    assert Journey(console, command_line, state, receiver[1]).walk(STEPS[1:], preparation=STEPS[:1]) == []
    # The preparation has a trace of its own; the one of the rest is shown.
    journey, preparation = sorted((int(trace_id, 16) for trace_id in receiver[1].trace_ids()), key=seen[0][2].__eq__)
    assert seen == [
        (step.arguments, state, trace_id)
        for step, trace_id in zip(STEPS, (preparation, *[journey] * len(STEPS)), strict=False)
    ]
    assert "$ directflow audience count 'with space'" in text_of(console)
    assert "directflow dev: the journey" in text_of(console)


def test_a_failed_step_is_told_and_the_others_are_still_taken(
    receiver: tuple[Receiver, SpanStore], tmp_path: Path
) -> None:
    console = Console(file=io.StringIO(), width=150)
    journey = Journey(
        console, lambda arguments: 3 if "list" in arguments else 0, state_of(receiver[0], tmp_path), receiver[1]
    )
    assert journey.walk(STEPS) == STEPS[:1]
    assert "failed with exit code 3" in text_of(console)
    assert "2 Second" in text_of(console)
