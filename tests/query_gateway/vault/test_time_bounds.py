"""No Vault, however slow, holds a caller longer than an operation may take, or a thread longer than a moment more."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from directflow_gateway.vault import FailureKind, VaultFailure
from directflow_gateway.vault.reply import Fault
from directflow_gateway.vault.threads import MOST, MOST_FOR_LOGIN, MOST_FOR_SLOW

from .scripted_vault import Asked, RawServer, Say, ScriptedVault, auth, data, trickling
from .sessions import app_role, opened, until, vault_threads

TIMEOUT_S = 0.6
BOUND_S = 5.0
"""Of a test on a busy machine; each server here would go on for minutes."""
Serve = Callable[[socket.socket, threading.Event], None]


def black_hole(connection: socket.socket, ended: threading.Event) -> None:
    connection.recv(65_536)
    ended.wait()


HANDSHAKE = b"\x16\x03\x03\x40\x00" + b"\x02" * 16_384
HEADERS = b"HTTP/1.1 200 OK\r\n" + b"X-Filling: x\r\n" * 90
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
SLOW: dict[str, tuple[str, Serve]] = {
    "black hole": ("http", black_hole),
    "black hole in TLS": ("https", black_hole),
    "a byte at a time in the TLS handshake": ("https", trickling(HANDSHAKE)),
    "a byte at a time in the headers": ("http", trickling(HEADERS)),
    "a byte at a time in the body": ("http", trickling(BODY + b" " * 100_000, at_once=len(BODY))),
}


@pytest.mark.parametrize("how", list(SLOW))
async def test_a_slow_server_is_left_in_time_and_its_thread_ends(how: str, tmp_path: Path) -> None:
    scheme, serve = SLOW[how]
    with RawServer(serve) as server:
        settings = app_role(f"{scheme}://127.0.0.1:{server.port}", tmp_path, request_timeout_s=TIMEOUT_S)
        async with opened(settings) as heard:
            began = time.monotonic()
            failure = await heard.failure()
            assert time.monotonic() - began < BOUND_S
            assert (failure.kind, failure.detail) == (FailureKind.UNREACHABLE, "timeout")
            await until(lambda: vault_threads() == 0)


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port that answers no SYN: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            queued = stack.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_connection_that_is_never_made_is_left_in_time(full_port: int, tmp_path: Path) -> None:
    settings = app_role(f"http://127.0.0.1:{full_port}", tmp_path, request_timeout_s=TIMEOUT_S)
    async with opened(settings) as heard:
        assert (await heard.failure()).kind is FailureKind.UNREACHABLE
        await until(lambda: vault_threads() == 0)


async def test_a_caller_who_leaves_is_free_at_once_and_takes_nobody_along(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        waiting = threading.Event()
        vault.on("secret/data/one", lambda _: data() if waiting.wait(BOUND_S) else Say(500))
        async with opened(app_role(vault.address, tmp_path)) as heard:
            leaving = asyncio.create_task(heard.session.read("secret/data/one"))
            staying = asyncio.create_task(heard.session.read("secret/data/one"))
            await until(lambda: vault.count("secret/data/one"))
            leaving.cancel()
            await asyncio.wait([leaving])
            assert leaving.cancelled()
            waiting.set()
            assert (await staying).data == {}
        assert vault.count("secret/data/one") == 1


async def test_a_black_hole_collects_no_threads(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        hole = threading.Event()
        paths = [f"secret/data/{number}" for number in range(60)]

        def swallow(_: Asked) -> Say:
            hole.wait(BOUND_S)
            return Say(500)

        for path in paths:
            vault.on(path, swallow)
        async with opened(app_role(vault.address, tmp_path, request_timeout_s=TIMEOUT_S)) as heard:
            reads = [asyncio.create_task(heard.session.read(path)) for path in paths * 2]
            most = 0
            while not all(read.done() for read in reads):
                most = max(most, vault_threads())
                await asyncio.sleep(0.005)
            failures = await asyncio.gather(*reads, return_exceptions=True)
            assert 0 < most <= MOST + MOST_FOR_SLOW + MOST_FOR_LOGIN
            assert {failure.kind for failure in failures if isinstance(failure, VaultFailure)} == {
                FailureKind.UNREACHABLE
            }
            assert all(isinstance(failure, VaultFailure) for failure in failures)
            await until(lambda: vault_threads() == 0)
            hole.set()


async def test_many_at_once_are_served_by_few_threads(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        paths = [f"secret/data/{number}" for number in range(40)]
        for path in paths:
            vault.on(path, data())
        async with opened(app_role(vault.address, tmp_path)) as heard:
            await asyncio.gather(*(heard.session.read(path) for path in paths))
            assert vault.count("auth/approle/login") == 1


async def test_paths_behind_which_databases_hang_take_no_threads_from_others_nor_from_the_token(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        ended = threading.Event()
        hung = [f"database/creds/{number}" for number in range(MOST + MOST_FOR_SLOW)]
        for path in hung:
            vault.on(path, lambda _: data(ended=ended.wait(60)))
        vault.on("secret/data/live", data())
        async with opened(app_role(vault.address, tmp_path, request_timeout_s=TIMEOUT_S)) as heard:
            await heard.session.read("secret/data/live")

            async def fail_for_ever() -> None:
                while True:
                    await asyncio.gather(*map(heard.failure, hung))

            failing = asyncio.create_task(fail_for_ever())
            await until(lambda: len(heard.session._exchanges._lanes._slow) == len(hung))
            vault.on("auth/approle/login", auth("hvs.another"))
            assert (await heard.session.read("secret/data/live")).data == {}
            assert not isinstance(await heard.session._keeper.log_in(), Fault)
            failing.cancel()
            ended.set()


async def test_the_event_loop_waits_for_nothing(tmp_path: Path) -> None:
    with RawServer(black_hole) as server:
        settings = app_role(f"http://127.0.0.1:{server.port}", tmp_path, request_timeout_s=TIMEOUT_S)
        async with opened(settings) as heard:
            read, turns = asyncio.create_task(heard.session.read("secret/data/one")), 0
            while not read.done():
                await asyncio.sleep(0.001)
                turns += 1
            assert turns > 20
            assert isinstance(read.exception(), VaultFailure)


async def test_closing_ends_what_runs_and_later_reads(tmp_path: Path) -> None:
    with RawServer(black_hole) as server:
        async with opened(app_role(f"http://127.0.0.1:{server.port}", tmp_path), start=True) as heard:
            read = asyncio.create_task(heard.session.read("secret/data/one"))
            await until(lambda: server.connections)
            await heard.session.aclose()
            with pytest.raises(VaultFailure, match="closed"):
                await read
            with pytest.raises(VaultFailure, match="closed"):
                await heard.session.read("secret/data/one")
            await until(lambda: vault_threads() == 0)
