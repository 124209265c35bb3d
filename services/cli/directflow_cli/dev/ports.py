"""Which ports a local run listens on: the same ones each time, so that they can be remembered, where that is possible.

One run at a time holds the default ports, by a lock and not by trying: two runs that start together would both find
them free. Every other run, and whoever finds a stranger on a default port, takes what the system gives.
"""

import fcntl
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from directflow_cli.dev.state import state_home

LOOPBACK = "127.0.0.1"
DEFAULTS = {"gateway": 7400, "segments": 7401, "conditions": 7402, "otlp": 4317}
FREE = dict.fromkeys(DEFAULTS, 0)
LOCK_FILE = "default-ports.lock"


@contextmanager
def claimed() -> Iterator[dict[str, int]]:
    """A port for each listener, 0 where any will do; the default ones stay claimed while the block lasts."""
    with (state_home() / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield FREE
        else:
            yield {name: port if _is_free(port) else 0 for name, port in DEFAULTS.items()}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
