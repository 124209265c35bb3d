"""The client programs of examples/clients, each in its own language, against the demo."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..tools import tool

ROOT = Path(__file__).parents[2]
PROGRAM_S = 120
NOBODY = "workspaces/demo/dataSources/nobody"


def program(language: str) -> list[str]:
    """The command line of a client; a client that cannot run here is skipped, and says why."""
    if language == "python":
        return [sys.executable, str(ROOT / "examples/clients/python/client.py")]
    if shutil.which("go" if language == "go" else "npm") is None:
        pytest.skip(f"no toolchain of {language} on this machine")
    if language == "go":
        return [str(tool("go-client"))]
    return ["node", str(tool("node-client/examples/clients/node/client.mjs"))]


def run(platform: Any, language: str, *options: str) -> subprocess.CompletedProcess[str]:
    addresses = (
        "--segments",
        platform.services["segments"].address,
        "--conditions",
        platform.services["conditions"].address,
    )
    command = [*program(language), *addresses, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_S, check=False)


@pytest.fixture(params=["python", "go", "node"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_it_saves_a_whole_audience_and_evaluates_a_condition_for_everybody_in_it(
    platform: Any, language: str, tmp_path: Path
) -> None:
    out = tmp_path / "audience.csv"

    finished = run(platform, language, "--out", str(out))

    assert finished.returncode == 0, finished.stderr
    first, *_ = platform.copied("SELECT id FROM communities WHERE active ORDER BY user_count DESC LIMIT 1")
    people = platform.copied(
        "SELECT DISTINCT u.id, u.email, u.phone, u.first_name, u.last_name FROM users u"
        f" JOIN memberships m ON u.id = m.user_id WHERE m.community_id = '{first[0]}' AND u.email IS NOT NULL"
    )
    with out.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["profile_id", "email", "phone", "first_name", "last_name"]
    # Malformed contact points are delivered as nothing, so only the keys must be the same.
    assert {row[0] for row in rows} <= {person[0] for person in people}
    assert len(rows) == len({row[0] for row in rows}) > 0
    premium = {row[0] for row in platform.copied("SELECT id FROM users WHERE subscription_plan = 'premium'")}
    true_count = sum(row[0] in premium for row in rows)
    assert f"{len(rows)} people of segment {first[0]}" in finished.stdout
    assert f"{true_count} true, {len(rows) - true_count} false, 0 undecided" in finished.stdout


def test_it_says_code_reason_and_request_id_of_an_error_and_leaves_no_file(
    platform: Any, language: str, tmp_path: Path
) -> None:
    out = tmp_path / "audience.csv"

    finished = run(platform, language, "--out", str(out), "--data-source", NOBODY)

    assert finished.returncode != 0
    assert "segments.directflow DATA_SOURCE_NOT_FOUND, request " in finished.stderr
    assert not out.exists()
