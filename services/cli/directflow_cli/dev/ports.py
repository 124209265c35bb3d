"""Which ports a local run listens on: the same ones each time, so that they can be remembered, where that is possible.

One run at a time holds the default ports, by a claim and not by trying: two runs that start together would both find
them free. The claim is a port, too: it holds across accounts and state directories, and the kernel drops it however the
process ends. Every other run, and whoever finds a stranger on a default port, takes what the system gives.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"
NAMES = ("gateway", "segments", "conditions", "otlp")


@dataclass(frozen=True, slots=True)
class DefaultPorts:
    """The ports that a run would like to have."""

    claim: int = 7399
    """Held by the run that uses the others; nobody connects to it."""
    listeners: Mapping[str, int] = field(
        default_factory=lambda: dict(zip(NAMES, (7400, 7401, 7402, 4317), strict=True))
    )


@contextmanager
def claimed(wanted: DefaultPorts | None = None) -> Iterator[dict[str, int]]:
    """A port for each listener, 0 where any will do; the default ones stay claimed while the block lasts."""
    wanted = wanted or DefaultPorts()
    claim = _listening(wanted.claim)
    if claim is None:
        yield dict.fromkeys(wanted.listeners, 0)
        return
    with claim:
        yield {name: port if _is_free(port) else 0 for name, port in wanted.listeners.items()}


def _is_free(port: int) -> bool:
    probe = _listening(port)
    if probe is not None:
        probe.close()
    return probe is not None


def _listening(port: int) -> socket.socket | None:
    """A listening socket, None where somebody else listens. Old connections of an ended run are no obstacle."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(1)
    except OSError:
        listener.close()
        return None
    return listener
