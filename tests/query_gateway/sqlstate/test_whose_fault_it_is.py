"""Whose fault an error is: told by a real server, whatever its language, and never in its words."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import Installation
from directflow_cli.dev.psql import PsqlFailed
from directflow_runtime.errors import DirectFlowError

Case = tuple[str, Mapping[str, str], str, str | None, str]
GERMAN = "de_DE.UTF-8"


@pytest.fixture(scope="module")
def fault(postgres: PostgresServer, plant_faults: Any, fault_of: Any) -> Any:
    database, role = plant_faults(postgres)
    return fault_of(postgres.dsn(database, role))


@pytest.fixture(scope="module")
def german_server(postgres_installation: Installation) -> Iterator[PostgresServer]:
    """A server that speaks German; the locale is compiled for it, since few machines have one."""
    if shutil.which("localedef") is None:
        pytest.skip("no localedef on this machine: no German server")
    directory = Path(tempfile.mkdtemp(prefix="locale-", dir="/tmp"))
    directory.chmod(0o755)  # the server runs as another user
    made = subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "UTF-8", str(directory / GERMAN)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    os.environ["LOCPATH"] = str(directory)
    try:
        if made.returncode > 1:
            pytest.skip("localedef has no de_DE: no German server")
        server = PostgresServer.create(postgres_installation, {"lc_messages": GERMAN})
        with server:
            yield server
    finally:
        del os.environ["LOCPATH"]
        shutil.rmtree(directory)


@pytest.fixture(scope="module")
def german_fault(german_server: PostgresServer, plant_faults: Any, fault_of: Any) -> Any:
    database, role = plant_faults(german_server)
    with pytest.raises(PsqlFailed) as spoken:
        german_server.psql("SELECT 1 / 0")
    if "Division durch Null" not in str(spoken.value):
        pytest.skip(f"{german_server} has no German messages")
    return fault_of(german_server.dsn(database, role))


def check(error: DirectFlowError, case: Case) -> None:
    _, _, reason, variable, sqlstate = case
    assert (error.reason, error.sqlstate, error.metadata.get("variable")) == (reason, sqlstate, variable)
    told = [str(error), repr(error), *map(repr, error.problems), *map(repr, error.violations)]
    assert not [text for text in told if "private" in text and "SELECT" not in text]
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


async def test_a_fault_is_told_apart(fault: Callable[..., Any], case: Case) -> None:
    check(await fault(case[0], **case[1]), case)


async def test_a_fault_is_told_apart_in_german(german_fault: Callable[..., Any], case: Case) -> None:
    check(await german_fault(case[0], **case[1]), case)


async def test_our_statement_timeout(fault: Callable[..., Any]) -> None:
    error = await fault("SELECT pg_sleep(30)", {"statement_timeout": "50ms"})
    assert (error.reason, error.sqlstate) == ("STATEMENT_TIMEOUT", "57014")


async def test_values_in_the_servers_context_accuse_nobody_and_are_not_told(fault: Callable[..., Any]) -> None:
    """log_parameter_max_length_on_error puts every value into the CONTEXT of every error."""
    settings = {"log_parameter_max_length_on_error": "-1"}
    error = await fault("SELECT word::int FROM t WHERE word = '<%= v %>'", settings, v="private")
    assert (error.reason, error.metadata) == ("DATA_ERROR", {"sqlstate": "22P02"})
    error = await fault("SELECT id FROM t WHERE id = <%= v %>", settings, v="secret")
    assert (error.reason, error.metadata["variable"]) == ("VARIABLE_REJECTED", "v")
    assert "secret" not in repr(error)
