"""Ends a private PostgreSQL and removes its directory when the process that started it is gone, however it went.

Run as a script, `python -I -S postgres_keeper.py DIRECTORY`, with a pipe on standard input that nobody writes to: end
of file is the only message that a SIGKILLed parent can still send. A parent that cleans up by itself closes the pipe
too, and the keeper finds nothing left to do. Standard library only, and no import of our own packages: it starts in
milliseconds and keeps no more memory than an idle interpreter.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

IMMEDIATE_SHUTDOWN_SECONDS = 5.0
REMOVAL_SECONDS = 20.0
POLL_SECONDS = 0.05
IPC_RMID = 0  # <sys/ipc.h>


def postmaster_pid(data: Path) -> int | None:
    """The process id in `postmaster.pid`, when that process really serves `data`: a stale file may name a stranger."""
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None  # never started, stopped, or caught while the file is being written
    return pid if serves(pid, data) else None


def serves(pid: int, data: Path) -> bool:
    """Whether the process works on that directory: a postmaster changes into it (/proc), and has it in its command."""
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", data)
    except OSError:
        if Path("/proc/self").exists():
            return False
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return str(data) in shown.stdout


def end(pid: int, data: Path) -> None:
    """SIGQUIT is PostgreSQL's immediate shutdown: the backends too; SIGKILL when that takes too long."""
    for signum in (signal.SIGQUIT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signum)
        deadline = time.monotonic() + IMMEDIATE_SHUTDOWN_SECONDS
        while time.monotonic() < deadline:
            if not serves(pid, data):
                return
            time.sleep(POLL_SECONDS)


def remove(directory: Path) -> None:
    """Removes a dead server's directory, and the few bytes of System V memory that a killed one leaves behind."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        identifier = int((directory / "data" / "postmaster.pid").read_text().splitlines()[6].split()[1])
        ctypes.CDLL(None).shmctl(identifier, IPC_RMID, None)
    shutil.rmtree(directory, ignore_errors=True)


def clean(directory: Path) -> None:
    """Ends the server in `directory` and removes it; again, until an initdb that was under way has given up."""
    deadline = time.monotonic() + REMOVAL_SECONDS
    while directory.exists() and time.monotonic() < deadline:
        data = directory / "data"
        pid = postmaster_pid(data)
        if pid is not None:
            end(pid, data)
        remove(directory)
        time.sleep(POLL_SECONDS)


def main() -> None:
    directory = Path(sys.argv[1]).resolve()
    sys.stdin.buffer.read()
    clean(directory)


if __name__ == "__main__":
    main()
