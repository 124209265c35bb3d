"""Files that hang, as on a network file system whose server is away: FIFOs that nobody writes."""

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from directflow_gateway.connections import Connection, CredentialKind
from directflow_gateway.credentials import FileCredentialSource
from directflow_gateway.credentials.file_reader import MOST_OF_ONE
from directflow_gateway.directflow_database.credential_source import credential_source
from directflow_gateway.directflow_database.roles import DatabaseRole
from directflow_gateway.directflow_database.settings import DirectFlowDatabaseSettings

from ..vault.sessions import until

MORE_THAN_THE_EXECUTOR_HAS = 40


def connection(workspace: str, id: str) -> Connection:
    return Connection(workspace=workspace, id=id, host="db.example.com", database="app", user="reader")


@pytest.fixture
def source(tmp_path: Path) -> FileCredentialSource:
    (tmp_path / "fine").mkdir()
    (tmp_path / "fine" / "main").write_text("password")
    (tmp_path / "hung").mkdir()
    return FileCredentialSource(f"{tmp_path}/{{workspace}}/{{connection}}")


def hang(path: Path) -> Path:
    os.mkfifo(path)
    return path


def reading_threads() -> int:
    return sum(thread.name == "directflow-file" for thread in threading.enumerate())


async def all_let_go(paths: list[Path]) -> None:
    """Whoever reads finds an empty file."""
    while reading_threads():
        for path in paths:
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:  # nobody reads this one
                continue
        await asyncio.sleep(0.01)


async def test_hung_files_of_one_workspace_hold_up_neither_another_one_nor_the_executor(
    source: FileCredentialSource, tmp_path: Path
) -> None:
    paths = [hang(tmp_path / "hung" / f"c{number}") for number in range(MORE_THAN_THE_EXECUTOR_HAS)]
    hung = [asyncio.create_task(source.read(connection("hung", path.name))) for path in paths]
    await until(lambda: reading_threads() == MOST_OF_ONE)
    async with asyncio.timeout(5):
        assert (await source.read(connection("fine", "main"))).password.reveal() == "password"
        assert await asyncio.to_thread(lambda: "compiled") == "compiled"
    for task in hung:
        task.cancel()
    await asyncio.gather(*hung, return_exceptions=True)
    await all_let_go(paths)


async def test_a_hung_file_keeps_one_thread_however_often_it_is_asked_for(
    source: FileCredentialSource, tmp_path: Path
) -> None:
    path = hang(tmp_path / "hung" / "main")
    for _ in range(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await source.read(connection("hung", "main"))
    assert reading_threads() == 1
    await all_let_go([path])


async def test_who_comes_while_a_file_hangs_gets_what_lies_there_afterwards(
    source: FileCredentialSource, tmp_path: Path
) -> None:
    path = hang(tmp_path / "hung" / "main")
    early, late = (asyncio.create_task(source.read(connection("hung", "main"))) for _ in range(2))
    await until(reading_threads)
    fresh = tmp_path / "fresh"
    fresh.write_text("fresh")
    with path.open("w") as hung:
        fresh.rename(path)
        hung.write("stale")
    assert [(await asked).password.reveal() for asked in (early, late)] == ["stale", "fresh"]


async def test_a_hung_file_of_directflows_own_database_takes_nothing_from_the_executor_either(tmp_path: Path) -> None:
    paths = {role: tmp_path / role.value for role in DatabaseRole}
    hung = hang(paths[DatabaseRole.OWNER])
    for role in (DatabaseRole.WRITER, DatabaseRole.READER):
        paths[role].write_text('{"username": "u", "password": "p"}')
    files = {f"{role.value}_credential": str(path) for role, path in paths.items()}
    settings = DirectFlowDatabaseSettings.model_validate({"host": "db", "database": "d", **files})
    assert settings.credential_kind is CredentialKind.FILE
    source = credential_source(settings, None)
    waits = asyncio.create_task(source.read(connection("directflow", "owner")))
    await until(reading_threads)
    assert (await source.read(connection("directflow", "reader"))).user == "u"
    waits.cancel()
    await all_let_go([hung])


def test_a_process_ends_though_a_file_hangs(tmp_path: Path) -> None:
    """The event loop's executor is waited for at the end of a process, however long that takes."""
    (tmp_path / "acme").mkdir()
    hang(tmp_path / "acme" / "main")
    program = f"""
        import asyncio
        from directflow_gateway.connections import Connection
        from directflow_gateway.credentials import FileCredentialSource

        async def main():
            source = FileCredentialSource("{tmp_path}/{{workspace}}/{{connection}}")
            try:
                async with asyncio.timeout(0.1):
                    await source.read(Connection(workspace="acme", id="main", host="h", database="d"))
            except TimeoutError:
                print("drained")

        asyncio.run(main())
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "drained\n", "")
