"""The page as a file: self-contained, under a policy that fits it exactly, written whole or not at all."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from directflow_cli.app import build
from directflow_cli.dev.state import DevState, pinned
from directflow_cli.traces.arrangement import arranged
from directflow_cli.traces.page.render import page
from directflow_cli.traces.store import SpanStore
from typer.testing import CliRunner

from .traces import TRACE, span, stream


def html() -> str:
    arrangement = arranged(stream(), lambda _: ())
    assert arrangement is not None
    return page(arrangement)


@pytest.fixture
def state(tmp_path: Path) -> DevState:
    state = DevState(str(tmp_path), 1, "demo", "gateway:1", "segments:1", "conditions:1", "127.0.0.1:1")
    SpanStore(state.traces).add(stream())
    return state


def test_the_policy_names_the_hashes_of_the_one_style_and_the_one_script() -> None:
    policy = re.findall(r'Content-Security-Policy" content="([^"]+)"', html())
    found = [re.findall(rf"<{tag}>(.*?)</{tag}>", html(), re.DOTALL) for tag in ("style", "script")]
    ((style,), (script,)) = found
    hashes = ["sha256-" + base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (style, script)]
    assert policy == [
        f"default-src 'none'; style-src '{hashes[0]}'; script-src '{hashes[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    ]


def test_nothing_in_it_leads_out() -> None:
    assert re.findall(r"(?:https?:)?//[\w.]+/|url\(|@import|\bfetch\b|XMLHttpRequest|innerHTML", html()) == []
    assert re.findall(r' (?:src|href|style|on\w+)="(?!data:,")', html()) == []


def test_every_span_and_the_words_stand_in_it_without_any_script() -> None:
    text = re.sub(r"<script>.*?</script>", "", html(), flags=re.DOTALL)
    assert text.count("<details>") == 6
    for said in ("Ended well.", "went into the statement", "EXPLAIN the statement", "directflow.definition.revision"):
        assert said in text


def test_the_command_writes_one_file_and_says_which(state: DevState, tmp_path: Path) -> None:
    file = tmp_path / "trace.html"
    with pinned(state):
        ran = CliRunner().invoke(build(), ["trace", TRACE[:6], "--html", str(file)])
    assert ran.exit_code == 0
    assert file.read_text("utf-8") == html()
    assert str(file) in ran.stderr
    assert ran.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trace", "--html", "/nowhere/at/all.html"], "No such file or directory"),
        (["trace", "--list", "--html", "x.html"], "--list"),
    ],
)
def test_what_cannot_be_written_is_said_in_a_sentence(state: DevState, arguments: list[str], message: str) -> None:
    with pinned(state):
        ran = CliRunner().invoke(build(), arguments, env={"COLUMNS": "200"})
    assert ran.exit_code == 2
    assert message in ran.stderr


def test_a_page_of_a_trace_that_is_not_there_is_not_written(state: DevState, tmp_path: Path) -> None:
    with pinned(state):
        ran = CliRunner().invoke(build(), ["trace", "ffff", "--html", str(tmp_path / "none.html")])
    assert ran.exit_code == 3
    assert not (tmp_path / "none.html").exists()


def test_times_outside_of_the_trace_stay_on_the_axis() -> None:
    arrangement = arranged([span("a", "", 0, 10), span("b", "a", 5, 3), span("c", "a", 10, 10)], lambda _: ())
    assert arrangement is not None
    for at, width in re.findall(r'<rect x="([^"]+)" y="0" width="([^"]+)"', page(arrangement)):
        assert 0 <= float(at) <= float(at) + float(width) <= 1000


def test_without_an_id_the_newest_call_is_shown_not_what_services_did_for_themselves_since(state: DevState) -> None:
    SpanStore(state.traces).add([span("v", "", 500, 501, trace_id="later", name="vault read")])
    with pinned(state):
        ran = CliRunner().invoke(build(), ["trace"])
    assert ran.stdout.startswith(f"trace {TRACE}: 6 spans of cli, segments, gateway, 100.0 ms")
