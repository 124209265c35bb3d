"""SIGTERM and a closed terminal end a local run as Ctrl-C does: every block is left, which stops what it started."""

import signal
from types import FrameType
from typing import NoReturn


def end_by_interrupt() -> None:
    """KeyboardInterrupt on each of them, in the main thread."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupt)


def _interrupt(signum: int, _: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
