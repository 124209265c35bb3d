"""A second address for a server: what an address is told by can then be looked for."""

import contextlib
import socket
import threading


class Relay:
    """Passes bytes on from `host`, a loopback address, to a port of 127.0.0.1. `close` ends it."""

    def __init__(self, host: str, to_port: int) -> None:
        self._to = ("127.0.0.1", to_port)
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=_relay, args=(near, self._to), daemon=True).start()


def _relay(near: socket.socket, to: tuple[str, int]) -> None:
    with near, socket.create_connection(to) as far:
        answering = threading.Thread(target=_pass_on, args=(far, near), daemon=True)
        answering.start()
        _pass_on(near, far)
        answering.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    """To the end of one direction, which is the end of the other."""
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
