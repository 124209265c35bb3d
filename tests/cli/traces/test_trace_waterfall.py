"""The waterfall shows every service of a trace in calling order, and its failures."""

import io
from dataclasses import asdict

import pytest
from directflow_cli.traces.links import SHARED
from directflow_cli.traces.spans import Event, Span, depth_first
from directflow_cli.traces.waterfall import BAR_CELLS, MAX_LINES, waterfall
from rich.console import Console

from .traces import statement, stream

MS = 1_000_000


def shown(spans: list[Span], width: int = 160) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(waterfall(spans))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def span(span_id: str, parent: str, start: int, end: int, **more: object) -> Span:
    values = {"name": f"span {span_id}", "service": "segments", "status": "OK", **more}
    return Span(trace_id="abc", span_id=span_id, parent_id=parent, start_ns=start * MS, end_ns=end * MS, **values)  # type: ignore[arg-type]


def test_children_stand_below_their_parent_in_the_order_of_their_start() -> None:
    spans = [span("c", "a", 5, 9), span("d", "b", 3, 4), span("b", "a", 2, 4), span("a", "", 1, 10)]
    assert [(depth, each.span_id) for depth, each in depth_first(spans)] == [(0, "a"), (1, "b"), (2, "d"), (1, "c")]


def test_a_span_whose_parent_was_never_sent_is_a_root() -> None:
    assert [(depth, each.span_id) for depth, each in depth_first([span("b", "lost", 2, 4)])] == [(0, "b")]


def test_a_trace_deeper_than_pythons_stack_is_ordered() -> None:
    spans = [span(str(number), str(number - 1), number, 5000) for number in range(3000)]
    assert depth_first(spans)[-1] == (2999, spans[-1])


def test_bars_lie_where_the_work_was() -> None:
    lines = shown([span("a", "", 0, 100), span("b", "a", 50, 100, service="gateway")])
    assert "trace abc" in lines[0]
    assert "100.0 ms" in lines[0]
    whole, half = (line for line in lines if "█" in line)
    assert whole.count("█") == BAR_CELLS
    assert half.count("█") == BAR_CELLS // 2
    assert half.startswith("gateway")
    assert half.index("█") == whole.index("█") + BAR_CELLS // 2


def test_an_instant_span_and_one_that_ends_last_still_show_a_bar() -> None:
    lines = shown([span("a", "", 0, 100), span("b", "a", 100, 100)])
    assert [line.count("█") for line in lines if "span b" in line] == [1]


def test_reason_and_rows_are_beside_the_bar() -> None:
    attributes = {"rpc.response.status_code": "UNAVAILABLE", "db.response.returned_rows": 12345, "unknown": "hidden"}
    line = next(line for line in shown([span("a", "", 0, 1, attributes=attributes)]) if "span a" in line)
    assert "UNAVAILABLE  rows 12,345" in line
    assert "hidden" not in line


def test_a_very_long_trace_says_how_much_is_left_out() -> None:
    lines = shown([span(str(number), "", number, number + 1) for number in range(MAX_LINES + 9)])
    assert any("9 more lines" in line for line in lines)


def test_markup_in_a_name_is_text() -> None:
    assert any("[red]x[/red]" in line for line in shown([span("a", "", 0, 1, name="[red]x[/red]")]))


def test_no_spans_is_said() -> None:
    assert shown([]) == ["This trace holds no spans."]


def test_in_a_narrow_terminal_names_come_before_details() -> None:
    attributes = {"db.query.text": "SELECT " + "x, " * 100}
    lines = shown([span("a", "", 0, 1, name="directflow.segments.v1.Audience/List", attributes=attributes)], width=60)
    assert max(len(line) for line in lines) <= 60
    assert "Audience/List" in lines[1]
    assert "directflow" not in lines[1]


def test_a_wide_character_takes_two_cells() -> None:
    lines = shown([span("a", "", 0, 1, name="名前"), span("b", "a", 0, 1, name="b")])
    first, second = (line for line in lines if "█" in line)
    assert first.index("█") == second.index("█") - 2


def test_of_many_brothers_of_one_name_the_first_three_are_shown_and_the_rest_are_one_line() -> None:
    batches = [span(f"b{number}", "a", number, number + 10, name="EvaluateSet") for number in range(10)]
    below = [span(f"c{number}", f"b{number}", number, number + 5, name="evaluate") for number in range(10)]
    lines = shown([span("a", "", 0, 30), *batches, *below])
    assert "21 spans" in lines[0]
    assert len([line for line in lines if "EvaluateSet" in line]) == 3
    (rest,) = (line for line in lines if "7 more" in line)
    assert "16.0" in rest, "from the fourth one's begin to the last one's end"
    assert len([line for line in lines if "evaluate" in line]) == 3


def test_a_brother_below_which_something_failed_is_never_left_out() -> None:
    batches = [span(f"b{number}", "a", number, number + 10, name="EvaluateSet") for number in range(10)]
    failure = span("c", "b7", 8, 9, name="the one that failed", status="ERROR")
    lines = shown([span("a", "", 0, 30), *batches, failure])
    assert [line for line in lines if "the one that failed" in line]
    assert len([line for line in lines if "EvaluateSet" in line]) == 4
    assert [line for line in lines if "6 more" in line]


def test_below_the_bars_stands_in_words_how_it_ended_where_the_time_went_and_what_to_do() -> None:
    lines = shown(stream(0, 100, directflow__time__first_row_ms=70.0))
    words = lines[lines.index("") :]
    assert words[1] == "Ended well."
    assert words[2].startswith("Most of the time, 70% or 70.0 ms, went into PostgreSQL before the first row")
    assert words[3].startswith("→ EXPLAIN the statement")
    assert words[4].startswith("Time: PostgreSQL before the first row 70% (70.0 ms), ")
    assert words[5] == "Statement: communities revision 3 on database shop of connection customer: 0 rows"


def test_waits_database_and_amounts_are_beside_the_bar_in_units() -> None:
    attributes = {
        "directflow__pool__wait_ms": 12.34,
        "directflow__time__reader_ms": 0.0,
        "directflow__bytes__returned": 12_345,
    }
    line = next(line for line in shown([statement("a", "", 0, 1, **attributes)], 200) if "stream communities" in line)
    assert "waited 12.3 ms  12.3 kB  on customer  database shop" in line
    assert "reader" not in line


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    deep = [span(str(number), str(number - 1), number, 200) for number in range(100)]
    assert max(len(line) for line in shown([*deep, *stream()], width)) <= width


def test_a_pipe_and_no_color_get_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    console.print(waterfall([span("a", "", 0, 1, status="ERROR")]))
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[31m" not in console.file.getvalue()
    assert "\x1b" not in "".join(shown([span("a", "", 0, 1, status="ERROR")]))


def test_what_rewrites_a_terminal_is_written_out() -> None:
    text = "\x1b[2J\x07\u202e\nname"
    spans = [span("a", "", 0, 1, name=text, service=text, attributes={"error.type": text, "db.query.text": text})]
    assert "\\x1b[2J" in "".join(shown(spans))
    assert [line for line in shown(spans) if not line.isprintable()] == []


def test_a_span_without_its_parent_and_one_of_another_trace_are_marked() -> None:
    batch = Span(**{**asdict(span("s", "", 2, 8, name=SHARED, links=(("x", "y"), ("z", "z")))), "trace_id": "other"})
    console = Console(file=io.StringIO(), width=160)
    console.print(waterfall([span("a", "lost", 0, 10, links=(("other", "s"),))], lambda _: [batch]))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "⋯ span a" in text
    assert f"  ↪ {SHARED}" in text
    assert "did not arrive (marked ⋯)" in text


def test_thousands_of_spans_deep_and_wide_are_shown_in_few_lines() -> None:
    deep = [span(str(number), str(number - 1), number, 5_000) for number in range(1, 2_000)]
    lines = shown([span("0", "", 0, 5_000), *deep])
    assert len(lines) < MAX_LINES + 20


def progressed(*points: tuple[int, object]) -> Span:
    """A statement of an hour, that told at these milliseconds how many rows had come."""
    events = tuple(Event("progress", at * MS, {"db.response.returned_rows": rows}) for at, rows in points)  # type: ignore[dict-item]
    return span("a", "", 0, 3_600_000, name="stream members", events=events)


def test_a_long_streams_progress_is_told_with_its_times() -> None:
    lines = shown([progressed((10_000, 1_000_000), (20_000, 1_900_000))], width=200)
    assert "Progress of stream members: 1,000,000 rows after 10.0 s, 1,900,000 rows after 20.0 s" in lines


def test_of_many_points_a_few_are_told_and_the_latest_always() -> None:
    (line,) = [
        line for line in shown([progressed(*((n * 10_000, n) for n in range(1, 51)))], 400) if "Progress" in line
    ]
    assert line.count("rows after") == 8
    assert line.endswith("50 rows after 500.0 s")


def test_a_span_that_told_no_progress_has_no_such_line() -> None:
    other = span("b", "", 0, 1, events=(Event("exception", 0, {"exception.type": "KeyError"}),))
    assert not [line for line in shown([other]) if "Progress" in line]


def test_progress_that_is_no_number_is_no_reason_to_show_nothing() -> None:
    assert any("? rows after 10.0 s" in line for line in shown([progressed((10_000, "many"))]))
