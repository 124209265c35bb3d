"""CPU time of the processes that take part, from /proc in steps of 10 ms: a round should last half a second or more."""

import contextlib
import os
import resource
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")

Clocks = Mapping[str, Callable[[], float]]
"""By the process's name: its CPU seconds so far."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    user, system, *_ = _times(pid)
    return user + system


def postgres_seconds(postmaster: int) -> float:
    """All of a PostgreSQL: the postmaster, its children, and the children that have ended (it reaps them)."""
    total = sum(_times(postmaster))
    for child in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended in between; counted by the postmaster
            total += cpu_seconds(int(child))
    return total


def client_seconds() -> float:
    """This process, and the programs that it ran and that have ended (pgbench, psql)."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def clocks(postmaster: int, **pids: int) -> Clocks:
    """PostgreSQL, the named processes, and this one as `client`."""
    services = {name: partial(cpu_seconds, pid) for name, pid in pids.items()}
    return {"PostgreSQL": partial(postgres_seconds, postmaster), **services, "client": client_seconds}


def machine_seconds() -> float:
    """CPU time that the whole machine has spent on anybody's work, all cores together."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = Path("/proc/stat").read_text().split()[1:]
    return sum(int(field) for field in (user, nice, system, irq, softirq)) / TICKS


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no VmRSS")


def _times(pid: int) -> tuple[float, ...]:
    """User and system time, its own and that of the children it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return tuple(int(field) / TICKS for field in fields[11:15])
