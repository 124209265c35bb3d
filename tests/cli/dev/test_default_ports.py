"""Default ports go to one run at a time, machine-wide, and never to one that would find a stranger there."""

import socket
from collections.abc import Iterator

import pytest
from directflow_cli.dev.ports import DefaultPorts, claimed

from ...ports import free_port


@pytest.fixture
def wanted() -> DefaultPorts:
    return DefaultPorts(claim=free_port(), listeners={"gateway": free_port(), "otlp": free_port()})


@pytest.fixture
def stranger() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_only_one_run_at_a_time_holds_them(wanted: DefaultPorts) -> None:
    with claimed(wanted) as first, claimed(wanted) as second:
        assert first == wanted.listeners
        assert second == {"gateway": 0, "otlp": 0}
    with claimed(wanted) as third:
        assert third == first


def test_one_that_a_stranger_holds_is_not_used(wanted: DefaultPorts, stranger: int) -> None:
    with claimed(DefaultPorts(wanted.claim, {"gateway": stranger, "otlp": wanted.listeners["otlp"]})) as chosen:
        assert chosen == {"gateway": 0, "otlp": wanted.listeners["otlp"]}


def test_old_connections_of_an_ended_run_are_no_obstacle(wanted: DefaultPorts) -> None:
    port = wanted.listeners["gateway"]
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # closed first on this side: it stays in TIME_WAIT
            assert client.recv(1) == b""
    with claimed(wanted) as chosen:
        assert chosen == wanted.listeners
