"""A file that is no file of definitions gets an answer that can be read: a hundred findings, and short names."""

import pytest
import typer
from directflow_cli.commands.definition_session import name_argument
from directflow_cli.definitions.finding_text import MOST_OF_A_FILE, finding_lines
from directflow_cli.definitions.kinds import BY_NAME
from directflow_cli.definitions.manifests import read_all
from directflow_cli.definitions.places import Finding, Level, Place, Source

LONG = "x" * 500
CUT = "x" * 79 + "…"


def findings(name: str, count: int, level: Level = Level.ERROR, line: int = 1) -> list[Finding]:
    source = Source(name, "\n" * (count + line))
    return [Finding(f"no. {number}", Place(source, line + number, 1), level) for number in range(count)]


def told(given: list[Finding]) -> list[str]:
    return [line for line in finding_lines(given) if "no. " in line or "more" in line]


def test_as_many_as_fit_are_shown_without_a_word_more() -> None:
    assert len(told(findings("a.yaml", MOST_OF_A_FILE))) == MOST_OF_A_FILE == 100
    assert not any("more" in line for line in told(findings("a.yaml", MOST_OF_A_FILE)))


def test_each_file_has_its_own_hundred_and_says_how_many_are_left() -> None:
    lines = told([*findings("b.yaml", 103), *findings("a.yaml", 101), *findings("c.yaml", 1)])
    assert [line for line in lines if "more" in line] == ["a.yaml: and 1 more", "b.yaml: and 3 more"]
    assert lines.index("a.yaml: and 1 more") == 100
    assert lines[-1].startswith("c.yaml:1:1: error: no. 0")
    assert len(lines) == 100 + 1 + 100 + 1 + 1


def test_findings_without_a_place_are_bounded_as_well() -> None:
    assert told([Finding("no. 1")] * 102)[100:] == ["and 2 more"]


def test_warnings_hide_no_error() -> None:
    lines = told([*findings("a.yaml", 200, Level.WARNING), *findings("a.yaml", 1, line=300)])
    assert lines[-2:] == ["a.yaml:300:1: error: no. 0 [FILE]", "a.yaml: and 101 more"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"kind: Condition\nid: 7{LONG}\nspec: {{expression: a}}\n", f"'7{CUT[1:]}' is no id"),
        (f"kind: {LONG}\nid: a\nspec: {{}}\n", f"there is no kind {CUT}"),
        (
            f"kind: Condition\nid: a\n{LONG}: 1\nspec: {{expression: a}}\n",
            f"there is no field {CUT} beside kind and spec",
        ),
        (f"kind: Condition\nid: a\nspec: {{expression: {LONG}}}\n", f"'{CUT}' is no id of a condition"),
        (f"kind: Condition\nid: a\nspec: {{{LONG}: 1, expression: a}}\n", f"there is no field {CUT}"),
    ],
)
def test_a_name_is_cut_to_80_characters(text: str, message: str) -> None:
    found = read_all([Source("a.yaml", text)], "acme").findings
    assert message in {finding.message for finding in found}
    assert all(LONG not in finding.message + finding.hint for finding in found)


@pytest.mark.parametrize("name", [f"workspaces/acme/conditions/{LONG}", f"workspaces/{LONG}/conditions/a"])
def test_so_is_a_full_name(name: str) -> None:
    text = f"kind: Condition\nid: a\nspec: {{expression: {name}}}\n"
    (finding,) = read_all([Source("a.yaml", text)], "acme").findings
    assert LONG not in finding.message + finding.hint
    assert name[:79] + "…" in finding.message


@pytest.mark.parametrize("given", ["7" + LONG, f"workspaces/{LONG}/conditions/a"])
def test_so_is_the_argument_of_a_command(given: str) -> None:
    with pytest.raises(typer.BadParameter) as refusal:
        name_argument(BY_NAME["Condition"], given, "acme")
    assert LONG not in refusal.value.message
    assert given[:79] + "…" in refusal.value.message
