"""The waterfall shows every service of a trace in calling order, and its failures."""

import io

from directflow_cli.traces.spans import Span, depth_first
from directflow_cli.traces.waterfall import BAR_CELLS, MAX_LINES, waterfall
from rich.console import Console

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
