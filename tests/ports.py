"""Ports that nobody listens on."""

import socket


def free_port() -> int:
    """One of loopback; somebody else may take it in the next moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
