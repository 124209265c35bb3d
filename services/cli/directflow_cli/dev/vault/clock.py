"""What happens by itself: tokens and leases end, passwords rotate. One thread, which can be paused."""

import sys
import threading
import time
from collections.abc import Callable, Iterable

LONGEST_WAIT_S = 0.25
"""New entries need no signal: they are seen within this time, and none of them is due sooner than in a second."""
STOP_S = 30.0

Due = Callable[[], Iterable[tuple[float, str]]]
Act = Callable[[str], object]


class Clock:
    """Watches lists of (Unix time, name) and acts on each name whose time has come."""

    def __init__(self) -> None:
        self._watched: list[tuple[Due, Act]] = []
        self._paused = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, due: Due, act: Act) -> None:
        """`act` is called once its time has come, and again until the name is due no more."""
        self._watched = [*self._watched, (due, act)]

    def unwatch(self, due: Due) -> None:
        self._watched = [entry for entry in self._watched if entry[0] != due]

    def start(self) -> None:
        """What became due while it was paused happens at once."""
        if self._thread is None:
            self._paused.clear()
            self._thread = threading.Thread(target=self._run, name="vault-clock", daemon=True)
            self._thread.start()

    def pause(self) -> None:
        """Nothing happens afterwards; waits for what is being done."""
        thread, self._thread = self._thread, None
        self._paused.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(STOP_S)

    def _run(self) -> None:
        while not self._paused.is_set():
            wake_at = min((self._act(*entry) for entry in self._watched), default=float("inf"))
            self._paused.wait(max(0.0, min(LONGEST_WAIT_S, wake_at - time.time())))

    def _act(self, due: Due, act: Act) -> float:
        """Acts on what is due; when the next one is."""
        later = [float("inf")]
        for at, name in due():
            if at > time.time():
                later.append(at)
            elif not self._paused.is_set():
                _do(act, name)
        return min(later)


def _do(act: Act, name: str) -> None:
    """A defect ends neither the thread nor the other leases; its kind is told, because its text may hold a secret."""
    try:
        act(name)
    except Exception as problem:
        print(f"vault stand-in: {type(problem).__name__} in its clock", file=sys.stderr)  # noqa: T201
