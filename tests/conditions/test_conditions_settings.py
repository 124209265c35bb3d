"""Definitions in the settings file: what is read, and what is refused before the service starts."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from directflow_conditions.condition import Condition, Kind, SqlQuery, Variable
from directflow_conditions.config import ConditionsSettings
from directflow_conditions.policies import Decision, Policy
from directflow_runtime.settings import SettingsError, load

FILE = """
[gateway]
target = "127.0.0.1:7400"

[[conditions]]
name = "workspaces/acme/conditions/premium"
connection = "workspaces/acme/connections/main"
sql = "SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'"
policy = { on_no_row = "ERROR", on_null = "TRUE" }

[[conditions.variables]]
name = "plan"
kind = "text"
default = "premium"
"""
SECONDS = 20.0


def read(tmp_path: Path, text: str) -> ConditionsSettings:
    file = tmp_path / "conditions.toml"
    file.write_text(text)
    return load(ConditionsSettings, file, "DIRECTFLOW_CONDITIONS__", {})


def test_a_condition_is_read_as_it_stands(tmp_path: Path) -> None:
    (condition,) = (settings.condition() for settings in read(tmp_path, FILE).conditions)
    assert condition == Condition(
        "workspaces/acme/conditions/premium",
        SqlQuery(
            "workspaces/acme/connections/main",
            "SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'",
            (Variable("plan", Kind.TEXT, optional=True, default="premium"),),
        ),
        Policy(on_no_row=Decision.ERROR, on_null=Decision.TRUE),
    )


@pytest.mark.parametrize(
    ("default", "value"), [("1", 1), ('"1"', "1"), ("true", True), ("1.5", 1.5), ('[1, "a"]', (1, "a"))]
)
def test_a_default_keeps_its_type(tmp_path: Path, default: str, value: Any) -> None:
    (settings,) = read(tmp_path, FILE.replace('default = "premium"', f"default = {default}")).conditions
    definition = settings.condition().definition
    assert isinstance(definition, SqlQuery)
    read_back = definition.declared[0].default
    assert (read_back, type(read_back)) == (value, type(value))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('kind = "text"', 'kind = "txt"', "kind"),
        ('on_null = "TRUE"', 'on_null = "YES"', "on_null"),
        ('on_null = "TRUE"', 'on_nul = "TRUE"', "on_nul"),
        ("workspaces/acme/conditions/premium", "premium", "name"),
        ("workspaces/acme/connections/main", "workspaces/other/connections/main", "own workspace"),
        ('name = "plan"', 'name = "plan"\n[[conditions.variables]]\nname = "plan"', "declared twice"),
        ("[gateway]", "[gatewya]", "gatewya"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        read(tmp_path, FILE.replace(old, new))


def test_a_condition_that_is_defined_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="defined twice"):
        read(tmp_path, FILE + FILE[FILE.index("[[conditions]]") :])


def test_the_process_serves_and_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    announce = tmp_path / "announce.json"
    server = f'[server]\nannounce_file = "{announce}"\nlame_duck_s = 0.0\nparent_pid = {os.getpid()}\n'
    (tmp_path / "conditions.toml").write_text(
        f"{server}[identity]\nallow_development = true\n[definitions]\nfrom_store = false\n{FILE}"
    )
    command = [sys.executable, "-m", "directflow_conditions", "--config", str(tmp_path / "conditions.toml")]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        deadline = time.monotonic() + SECONDS
        while not announce.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert announce.exists(), (tmp_path / "log").read_text()
        assert json.loads(announce.read_text())["service"] == "directflow-conditions"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=SECONDS) == 0, (tmp_path / "log").read_text()
