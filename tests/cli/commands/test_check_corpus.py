"""What `query check` reads, and what it does with lines that are no check."""

import json
from pathlib import Path

import pytest
from directflow_cli.commands.check.corpus import MAX_TEXT_BYTES, Check, Expectation, TooLarge, Unreadable, read


def rows(tmp_path: Path, *lines: str | bytes) -> list[Check | Unreadable]:
    file = tmp_path / "corpus.jsonl"
    file.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    return list(read(file))


def only(tmp_path: Path, row: dict[str, object]) -> Check:
    (check,) = rows(tmp_path, json.dumps(row))
    assert isinstance(check, Check)
    return check


def test_a_line_is_a_check_with_its_expectations(tmp_path: Path) -> None:
    row = {"id": "a", "sql": "SELECT 1", "variables": {"x": None}, "expected_rows": 1, "digest": "d", "features": []}
    check = only(tmp_path, row)
    assert (check.id, check.sql, check.variables) == ("a", "SELECT 1", {"x": None})
    assert check.expectation == Expectation(rows=1, digest="d")


def test_an_attack_says_what_must_happen_to_it(tmp_path: Path) -> None:
    bound = {"sqlstate": "22P02"}
    row = {"id": "a", "sql": "x", "expect": "bind_safe", "also_ok": ["reject"], "bind_expect": bound}
    assert only(tmp_path, row).expectation == Expectation("bind_safe", ("reject",), sqlstate="22P02")


def test_generated_text_repeats_its_parts_and_counts_from_zero(tmp_path: Path) -> None:
    check = only(tmp_path, {"id": "g", "sql": {"gen": [["SELECT 1", 1], [" OR id={i}", 3]]}})
    assert check.sql == "SELECT 1 OR id=0 OR id=1 OR id=2"


def test_generated_values_are_expanded_too(tmp_path: Path) -> None:
    check = only(tmp_path, {"id": "g", "sql": "x", "variables": {"q": {"gen": [["ab", 2]]}, "l": [1, "2"]}})
    assert check.variables == {"q": "abab", "l": [1, "2"]}


def test_what_no_server_would_take_is_measured_and_not_built(tmp_path: Path) -> None:
    check = only(tmp_path, {"id": "g", "sql": {"gen": [["x", 10**15]]}, "variables": {"q": "y" * (MAX_TEXT_BYTES + 1)}})
    assert check.sql == TooLarge(10**15)
    assert check.variables["q"] == TooLarge(MAX_TEXT_BYTES + 1)


def test_values_do_not_show_in_a_repr(tmp_path: Path) -> None:
    assert "ada@" not in repr(only(tmp_path, {"id": "g", "sql": "x", "variables": {"q": "ada@example.com"}}))


def test_policy_allows_the_functions_of_the_row(tmp_path: Path) -> None:
    assert only(tmp_path, {"id": "g", "sql": "x", "policy": "function_allowlist"}).allows_functions
    assert not only(tmp_path, {"id": "g", "sql": "x"}).allows_functions


def test_lone_surrogates_and_stray_bytes_reach_the_check_as_they_are(tmp_path: Path) -> None:
    escaped, raw = rows(tmp_path, '{"id": "e", "sql": "SELECT \\ud800"}', b'{"id": "r", "sql": "SELECT \xff"}')
    assert isinstance(escaped, Check)
    assert isinstance(raw, Check)
    assert (escaped.sql, raw.sql) == ("SELECT \ud800", "SELECT \udcff")


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "1", '{"id": "x"}', '{"sql": 1}', '{"sql": "x", "variables": {"v": {"a": 1}}}', '{"sql": {"gen": 1}}'],
)
def test_a_bad_line_is_named_and_hides_none_behind_it(tmp_path: Path, line: str) -> None:
    bad, good = rows(tmp_path, line, '{"id": "good", "sql": "SELECT 1"}')
    assert isinstance(bad, Unreadable)
    assert (bad.id, good.id) == ("line 1", "good")


def test_empty_lines_are_skipped_and_a_row_without_an_id_is_named_by_its_line(tmp_path: Path) -> None:
    (check,) = rows(tmp_path, "", '{"sql": "SELECT 1"}', "  ")
    assert check.id == "line 2"


def test_a_carriage_return_within_a_text_is_no_end_of_line(tmp_path: Path) -> None:
    (check,) = rows(tmp_path, b'{"id": "cr", "sql": "SELECT 1"}\r')
    assert check.id == "cr"
