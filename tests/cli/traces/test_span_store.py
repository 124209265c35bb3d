"""The store is bounded in memory and on disk, and survives what a killed process leaves in its file."""

from pathlib import Path

from directflow_cli.traces.spans import Span
from directflow_cli.traces.store import MAX_SPANS_A_TRACE, MAX_TRACES, SpanStore, older, read


def span(number: int, trace: str = "t", name: str = "n") -> Span:
    return Span(trace, f"{number:016x}", "", name, "segments", number, number + 1, "OK")


def test_the_oldest_trace_goes_when_there_are_too_many() -> None:
    store = SpanStore()
    for number in range(MAX_TRACES + 3):
        store.add([span(number, trace=str(number))])
    assert len(store.trace_ids()) == MAX_TRACES
    assert store.trace("2") == []
    assert store.trace("3") == [span(3, trace="3")]


def test_a_trace_takes_so_many_spans_and_counts_the_rest() -> None:
    store = SpanStore()
    store.add([span(number) for number in range(MAX_SPANS_A_TRACE + 5)])
    assert (len(store.trace("t")), store.dropped) == (MAX_SPANS_A_TRACE, 5)


def test_a_span_that_is_sent_again_replaces_itself() -> None:
    store = SpanStore()
    store.add([span(1, name="first")])
    store.add([span(1, name="again")])
    assert [kept.name for kept in store.trace("t")] == ["again"]


def test_the_file_never_grows_past_twice_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    store = SpanStore(file, max_file_bytes=10_000)
    for number in range(500):
        store.add([span(number)])
    assert older(file).exists()
    assert file.stat().st_size + older(file).stat().st_size < 2 * 10_000 + 1_000
    assert read(file).trace("t")[-1] == span(499)


def test_an_incomplete_last_line_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    SpanStore(file).add([span(1)])
    with file.open("a") as lines:
        lines.write('{"trace_id": "t", "span')
    assert read(file).trace("t") == [span(1)]


def test_reading_what_was_never_written_gives_an_empty_store(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl").trace_ids() == []
