"""The thread that watches sockets from the side, on a plain TCP connection."""

import contextlib
import math
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from directflow_gateway.execution import Watchdog
from directflow_gateway.execution.watchdog import MOST_GROWTH, Verdict, Watch

MIB = 1024 * 1024
linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel counts bytes and tells memory on Linux only")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a loopback TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
    with client, peer:
        client.settimeout(5)
        peer.settimeout(5)
        yield client, peer


@pytest.fixture
def watch(pair: tuple[socket.socket, socket.socket]) -> Iterator[Watch]:
    watch = Watch(pair[0].fileno())
    yield watch
    watch.close()


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + seconds
    while not condition() and time.monotonic() < ends_at:
        time.sleep(0.005)
    return condition()


def test_a_call_that_outlives_its_deadline_finds_the_end_of_its_socket(
    watchdog: Watchdog, watch: Watch, pair: tuple[socket.socket, socket.socket]
) -> None:
    client, peer = pair
    watch.deadline = time.monotonic() + 0.1
    started = time.monotonic()
    watchdog.add(watch)
    assert client.recv(1) == b""  # woken up, though nothing was sent
    assert time.monotonic() - started < 2
    assert watch.verdict is Verdict.OVERDUE
    assert peer.recv(1) == b""


def test_a_peer_that_waits_for_an_overdue_reader_is_reset(
    watchdog: Watchdog, watch: Watch, pair: tuple[socket.socket, socket.socket]
) -> None:
    _, peer = pair
    peer.settimeout(0.1)
    with contextlib.suppress(TimeoutError):  # until all buffers are full
        peer.sendall(b"x" * 100 * MIB)
    peer.settimeout(5)
    watch.deadline = time.monotonic()
    watchdog.add(watch)
    with pytest.raises(ConnectionError):
        peer.sendall(b"x" * 100 * MIB)


def test_nothing_happens_to_a_socket_that_is_no_longer_watched(
    watchdog: Watchdog, watch: Watch, pair: tuple[socket.socket, socket.socket]
) -> None:
    watch.deadline = time.monotonic() + 0.1
    watchdog.add(watch)
    watchdog.remove(watch)
    time.sleep(0.2)
    assert watch.verdict is None
    pair[1].send(b"x")
    assert pair[0].recv(1) == b"x"


@linux
def test_memory_that_grows_during_one_call_of_libpq_closes_its_socket_even_while_bytes_wait(
    watchdog: Watchdog, watch: Watch, pair: tuple[socket.socket, socket.socket]
) -> None:
    client, peer = pair
    peer.send(b"waiting")
    watchdog.add(watch)
    watch.step += 1
    assert within(5, lambda: watch._seen_step == watch.step)  # the thread has seen the step begin
    taken = b"\1" * (MOST_GROWTH + 8 * MIB)
    assert within(2, lambda: watch.verdict is Verdict.TOO_LARGE)
    # Another socket stands in its place: the bytes are out of reach.
    assert within(2, lambda: client.recv(1, socket.MSG_PEEK) == b"")
    assert len(taken) > MOST_GROWTH


@linux
def test_memory_that_grows_between_calls_of_libpq_is_not_the_sockets(watchdog: Watchdog, watch: Watch) -> None:
    watchdog.add(watch)
    watch.step += 1
    time.sleep(0.05)
    watch.step += 1
    taken = b"\1" * (MOST_GROWTH + 8 * MIB)
    time.sleep(0.05)
    watch.step += 1
    time.sleep(0.05)
    assert watch.verdict is None
    assert len(taken) > MOST_GROWTH


@linux
def test_only_what_was_read_is_counted(watch: Watch, pair: tuple[socket.socket, socket.socket]) -> None:
    client, peer = pair
    assert watch.consumed() == 0
    peer.sendall(b"x" * 10_000)
    assert within(2, lambda: len(client.recv(10_000, socket.MSG_PEEK)) == 10_000)
    assert watch.consumed() == 0
    assert len(client.recv(4_000)) == 4_000
    assert watch.consumed() == 4_000


def test_a_duplicate_is_let_go_so_that_the_peer_sees_the_end(
    watch: Watch, pair: tuple[socket.socket, socket.socket]
) -> None:
    client, peer = pair
    client.close()
    peer.settimeout(0.1)
    with pytest.raises(TimeoutError):
        peer.recv(1)
    watch.close()
    assert peer.recv(1) == b""


def test_the_thread_begins_with_the_first_watch_and_ends_with_the_watchdog(watch: Watch) -> None:
    def threads() -> int:
        return sum(thread.name == "directflow-watchdog" for thread in threading.enumerate())

    before = threads()
    dog = Watchdog()
    assert threads() == before
    dog.add(watch)
    assert threads() == before + 1
    dog.remove(watch)
    time.sleep(1.2)  # it lingers, then it sleeps; a new watch wakes it
    watch.deadline = 0
    dog.add(watch)
    assert within(2, lambda: watch.verdict is Verdict.OVERDUE)
    dog.close()
    assert threads() == before
    with pytest.raises(RuntimeError):
        dog.add(watch)


def test_a_watch_has_no_deadline_of_its_own(watch: Watch) -> None:
    assert watch.deadline == math.inf
