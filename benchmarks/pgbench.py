"""pgbench, PostgreSQL's own load generator in C: the yardstick for one statement each."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import LeftOut
from benchmarks.stand import Stand

CLIENTS = 8
THREADS = 2
TIMEOUT_S = 300.0
RATE = re.compile(r"^tps = ([0-9.]+) \(without initial connection time\)", re.MULTILINE)


def find(at: Stand) -> Path:
    """The program beside the server's own, on the path, or where pg_config says. LeftOut where there is none."""
    places = [at.postgres.installation.program("pgbench"), _on_path("pgbench"), _of_pg_config()]
    found = next((place for place in places if place and place.is_file()), None)
    if found is None:
        raise LeftOut("no pgbench on this machine (PATH, pg_config --bindir)")
    return found


async def run(at: Stand, script: str, transactions: int) -> float:
    """Seconds that so many runs of the script take, logging in left out, with -M prepared and 8 clients."""
    program = find(at)
    login = at.postgres.psql_as(at.role)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script)
        each = max(1, transactions // CLIENTS)
        options = f"--no-vacuum --protocol=prepared --client={CLIENTS} --jobs={THREADS} --transactions={each}".split()
        command = [str(program), *options, f"--file={file}", at.database]
        done = await asyncio.to_thread(
            subprocess.run, command, env=login.environment(), text=True, capture_output=True, timeout=TIMEOUT_S
        )
    told = RATE.search(done.stdout)
    if done.returncode or told is None:
        raise LeftOut(f"pgbench ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return transactions / float(told.group(1))


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _of_pg_config() -> Path | None:
    if not _on_path("pg_config"):
        return None
    told = subprocess.run(["pg_config", "--bindir"], text=True, capture_output=True, check=False)
    return Path(told.stdout.strip()) / "pgbench"
