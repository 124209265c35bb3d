"""What a `directflow dev` leaves where other commands find it: its endpoints, its traces, and whether it still runs.

Every run has a directory of its own below `state_home()`, so that two runs never share a file. A lock on a file in it,
not a process id, tells a running one: the kernel drops the lock however the process ends, and ids are used again.
"""

import fcntl
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path

HOME_VARIABLE = "DIRECTFLOW_STATE_DIR"
KEPT_RUNS = 5
KEPT_FILES = ("dev.json", "lock", "*.log", "traces*.jsonl")
"""What remains of a run that has ended: nothing with a password or a person in it."""
STATE_FILE = "dev.json"
LOCK_FILE = "lock"
TRACES_FILE = "traces.jsonl"


_pinned: ContextVar["DevState | None"] = ContextVar("pinned", default=None)


@dataclass(frozen=True, slots=True)
class DevState:
    """One run of `directflow dev`, as `dev.json` holds it. No secret is in it."""

    directory: str
    pid: int
    workspace: str
    gateway: str
    """host:port, as are the next two."""
    segments: str
    conditions: str
    otlp: str
    """host:port of the receiver that spans are exported to, OTLP over gRPC."""

    @property
    def traces(self) -> Path:
        """Its spans, one JSON object a line."""
        return Path(self.directory) / TRACES_FILE

    def write(self) -> None:
        """Publishes it. Renamed into place: a reader never sees half a file."""
        draft = Path(self.directory) / f"{STATE_FILE}.new"
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(Path(self.directory) / STATE_FILE)


def running() -> DevState | None:
    """The newest `directflow dev` that still runs and has published its endpoints; in its own journey: itself."""
    return _pinned.get() or next(
        (state for directory in _newest_first() if _is_locked(directory) and (state := _read(directory))), None
    )


def is_pinned() -> bool:
    """Whether a run's own journey is what runs."""
    return _pinned.get() is not None


@contextmanager
def pinned(state: DevState) -> Iterator[None]:
    """Inside the block `running` means this run: its journey must not walk through another one that started later."""
    token = _pinned.set(state)
    try:
        yield
    finally:
        _pinned.reset(token)


def latest() -> DevState | None:
    """The newest run, ended or not: its traces can still be read."""
    return next((state for directory in _newest_first() if (state := _read(directory))), None)


@contextmanager
def run_directory() -> Iterator[Path]:
    """A directory (0700) for a new run, locked while the block lasts; older ended runs beyond a few are removed."""
    home = state_home()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if home.stat().st_uid != os.getuid():
        raise PermissionError(f"{home} belongs to somebody else: set {HOME_VARIABLE}")
    directory = home / f"{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(4)}"
    directory.mkdir(mode=0o700)
    with (directory / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _remove_old_runs()
        try:
            yield directory
        finally:
            _scrub(directory)


def state_home() -> Path:
    """DIRECTFLOW_STATE_DIR, else the XDG state directory, else, for an account without a home, a temporary one."""
    if chosen := os.environ.get(HOME_VARIABLE):
        return Path(chosen)
    base = Path(os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser())
    exists = next(path for path in (base, *base.parents) if path.exists())
    if not os.access(exists, os.W_OK):
        base = Path(tempfile.gettempdir()) / f"directflow-{os.getuid()}"
    return base / "directflow" / "dev"


def _newest_first() -> list[Path]:
    return sorted((path.parent for path in state_home().glob(f"*/{LOCK_FILE}")), reverse=True)


def _read(directory: Path) -> DevState | None:
    try:
        return DevState(**json.loads((directory / STATE_FILE).read_text()))
    except FileNotFoundError:
        return None  # still starting, or it never came that far
    except (TypeError, ValueError):
        return None  # written by another version


def _is_locked(directory: Path) -> bool:
    try:
        with (directory / LOCK_FILE).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _remove_old_runs() -> None:
    """Two runs that start at once may remove the same files."""
    ended = [directory for directory in _newest_first() if not _is_locked(directory)]
    for directory in ended[:KEPT_RUNS]:
        _scrub(directory)  # one that was killed could not do it itself
    for directory in ended[KEPT_RUNS:]:
        shutil.rmtree(directory, ignore_errors=True)


def _scrub(directory: Path) -> None:
    for path in directory.glob("*"):
        if not any(path.match(pattern) for pattern in KEPT_FILES):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
