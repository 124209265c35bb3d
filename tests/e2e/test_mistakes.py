"""The mistakes that everybody makes once, on a real gateway, as `directflow query describe` prints them."""

import subprocess
import sys
from typing import Any

import pytest

MISSPELT = """\
SELECT u.id AS profile_id, u.emial
FROM users u WHERE u.plan_typ = 'pro'
"""
WITHOUT_PROFILE = "SELECT id, email FROM users"
TEXT_RESULT = "SELECT subscription_plan AS result FROM users WHERE id = '<%= profile_id %>'"
VOLATILE = "SELECT nextval('seen') > 5 AS result FROM users WHERE id = '<%= profile_id %>'"
SLOW = "SELECT random() < 0.1 AS result FROM users WHERE id = '<%= profile_id %>'"


def described(platform: Any, role: str, sql: str, connection: str = "customer") -> tuple[int, str]:
    """Exit code and everything that is printed."""
    command = [
        sys.executable,
        "-m",
        "directflow_cli",
        "query",
        "describe",
        "-c",
        connection,
        "--role",
        role,
        "--sql",
        sql,
    ]
    command += ["--workspace", "demo", "--gateway", platform.services["gateway"].address]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("role", "sql", "code", "words"),
    [
        ("generator", MISSPELT, 4, (
            "UNDEFINED_COLUMN: The column u.emial does not exist.", "line 1, column 28", "Did you mean u.email?",
            "The column u.plan_typ does not exist.", "line 2, column 20", "Did you mean u.plan_type?")),
        ("generator", WITHOUT_PROFILE, 4, (
            "PROFILE_ID_MISSING: A generator must have the column profile_id.", "line 1, column 1",
            "Write id AS profile_id, if it is the person's.")),
        ("condition", TEXT_RESULT, 4, (
            "RESULT_NOT_BOOLEAN: The column result of a condition must be boolean; it is text.", "line 1, column 8",
            "plan = 'premium' AS result")),
        ("condition", VOLATILE, 4, (
            "FUNCTION_NOT_ALLOWED: Function nextval is not allowed: it works on sequences.", "line 1, column 8",
            "row_number() OVER (ORDER BY ...)")),
        ("condition", SLOW, 0, ("NO_SET_FORM", "random, which is volatile", "hashtext(id::text) % 10 = 0")),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_to_write(
    platform: Any, role: str, sql: str, code: int, words: tuple[str, ...]
) -> None:
    ended, printed = described(platform, role, sql)
    print(printed)
    assert ended == code, printed
    flat = " ".join(printed.split())
    for word in words:
        assert word in flat, printed
