"""Where commands find a running `directflow dev`, and where two of them never meet."""

import json
from pathlib import Path

import pytest
from directflow_cli.dev import state
from directflow_cli.dev.state import KEPT_RUNS, DevState, latest, run_directory, running


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(state.HOME_VARIABLE, str(tmp_path / "state"))
    return tmp_path / "state"


def published(directory: Path) -> DevState:
    found = DevState(str(directory), 1, "demo", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:4")
    found.write()
    return found


def test_a_running_one_is_found_and_after_its_end_only_its_traces() -> None:
    with run_directory() as directory:
        assert running() is None, "not before it has published its endpoints"
        found = published(directory)
        assert running() == found
        assert found.traces == directory / "traces.jsonl"
    assert running() is None
    assert latest() == found


def test_of_two_running_ones_the_newest_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_directory() as first:
        published(first)
        monkeypatch.setattr("directflow_cli.dev.state.time.strftime", lambda _: "99990101T000000")
        with run_directory() as second:
            newest = published(second)
            assert first != second
            assert running() == newest


def test_directories_of_ended_runs_do_not_pile_up(home: Path) -> None:
    for _ in range(KEPT_RUNS + 4):
        with run_directory() as directory:
            published(directory)
    assert len(list(home.glob("*/lock"))) <= KEPT_RUNS + 1


def test_a_state_of_another_version_is_not_taken_for_ours() -> None:
    with run_directory() as directory:
        (directory / "dev.json").write_text(json.dumps({"directory": "x", "new_field": 1}))
        assert running() is None


def test_the_directory_is_private() -> None:
    with run_directory() as directory:
        assert directory.stat().st_mode & 0o777 == 0o700


def test_an_account_without_a_home_gets_a_temporary_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(state.HOME_VARIABLE)
    monkeypatch.setattr("directflow_cli.dev.state.os.access", lambda *_: False)
    monkeypatch.setattr("directflow_cli.dev.state.tempfile.gettempdir", lambda: str(tmp_path))
    assert state.state_home().is_relative_to(tmp_path)


def test_what_remains_of_a_run_holds_no_password_and_no_person() -> None:
    with run_directory() as directory:
        published(directory)
        (directory / "credentials" / "demo").mkdir(parents=True)
        (directory / "credentials" / "demo" / "customer").write_text("s3cret")
        for name in ("gateway.toml", "people.csv", "gateway.log", "traces.jsonl", "traces.older.jsonl"):
            (directory / name).touch()
    remaining = {path.name for path in directory.iterdir()}
    assert remaining == {"dev.json", "lock", "gateway.log", "traces.jsonl", "traces.older.jsonl"}


def test_what_a_killed_run_left_is_removed_by_the_next(home: Path) -> None:
    killed = home / "20000101T000000-00000000"
    (killed / "credentials").mkdir(parents=True)
    (killed / "lock").touch()
    with run_directory():
        assert not (killed / "credentials").exists()
