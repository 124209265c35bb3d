"""Ends a service when the process that started it is gone, so that nothing is left running on a developer's machine."""

import asyncio
import ctypes
import os
import signal
import sys

POLL_S = 1.0
_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def signal_on_parent_death() -> None:
    """Asks Linux to send SIGTERM the moment the parent dies; elsewhere the poll alone has to do.

    It is the parent's *thread* that counts: a process started by a short-lived thread gets the signal when that ends.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


async def gone(pid: int) -> None:
    """Returns when process `pid` is gone; looks once a second."""
    is_parent = os.getppid() == pid
    while os.getppid() == pid if is_parent else _exists(pid):  # noqa: ASYNC110  no event tells of other processes
        await asyncio.sleep(POLL_S)


def _exists(pid: int) -> bool:
    """Also when it is somebody else's. For our own parent getppid is safer: a zombie exists, and ids are used again."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
