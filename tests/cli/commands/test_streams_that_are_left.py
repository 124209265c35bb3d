"""Whoever reads our output may leave, and a signal may come: the service is told, and no draft stays behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from directflow.segments.v1 import audience_service_pb2 as wire
from directflow_cli.commands.progress import NoProgress, ProgressBar, progress
from rich.console import Console
from rich.progress import Progress

SECONDS = 30.0
PEOPLE = pa.record_batch({"profile_id": pa.array([f"person-{number}" for number in range(1000)])})


@pytest.fixture
def endless(scripted: Any) -> threading.Event:
    """An audience without an end; the event says that the service was left."""
    left = threading.Event()

    def stream(_: Any) -> Any:
        yield wire.StreamAudienceResponse(
            header=wire.AudienceHeader(arrow_schema=PEOPLE.schema.serialize().to_pybytes())
        )
        body = PEOPLE.serialize().to_pybytes()
        deadline = time.monotonic() + SECONDS
        try:
            for number in range(10**9):
                if time.monotonic() > deadline:
                    return
                batch = wire.AudienceBatch(row_count=1000, row_offset=number * 1000, arrow_record_batch=body)
                yield wire.StreamAudienceResponse(batch=batch)
        finally:
            left.set()

    scripted.replies["StreamAudience"] = stream
    return left


def start(scripted: Any, tmp_path: Path, *options: str) -> subprocess.Popen[bytes]:
    given = {"DIRECTFLOW_SEGMENTS": scripted.address, "DIRECTFLOW_WORKSPACE": "acme"}
    state = {"DIRECTFLOW_STATE_DIR": str(tmp_path / "state")}
    arguments = [sys.executable, "-m", "directflow_cli", "audience", "stream", "members", *options]
    return subprocess.Popen(
        arguments, env={**os.environ, **given, **state}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("output", ["jsonl", "json", "csv", "arrow", "parquet"])
def test_a_reader_that_leaves_ends_the_stream_without_a_traceback(
    endless: threading.Event, scripted: Any, tmp_path: Path, output: str
) -> None:
    with start(scripted, tmp_path, "-o", output) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait(SECONDS) == 141, said
    assert "Traceback" not in said
    assert endless.wait(SECONDS)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_stream_and_removes_the_draft(
    endless: threading.Event, scripted: Any, tmp_path: Path, signum: signal.Signals
) -> None:
    target = tmp_path / "files"
    target.mkdir()
    with start(scripted, tmp_path, "-o", "csv", "--output-file", str(target / "people.csv")) as process:
        deadline = time.monotonic() + SECONDS
        while not any(file.stat().st_size for file in target.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signum)
        assert process.wait(SECONDS) == 130
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert list(target.iterdir()) == []
    assert endless.wait(SECONDS)


def test_a_pipe_gets_no_progress_bar() -> None:
    with progress(data_on_terminal=False) as shown:
        assert isinstance(shown, NoProgress)


def test_the_bar_counts_people_and_outgrows_an_estimate_that_was_too_low() -> None:
    with Progress(console=Console(quiet=True)) as display:
        bar = ProgressBar(display)
        bar.expect(100)
        bar.advance(60)
        (task,) = display.tasks
        assert (task.completed, task.total) == (60, 100)
        bar.advance(60)
        assert (task.completed, task.total) == (120, 120)
