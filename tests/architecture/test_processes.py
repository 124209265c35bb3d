"""T42: nothing forks where gRPC runs. A child between fork and exec has gRPC's locks, and not its threads."""

import re
from pathlib import Path

import pytest

from tests.architecture.test_boundaries import SERVERS, label, modules, roots
from tests.conftest import ON_PYTHONS_LOOP

ROOT = Path(__file__).parents[2]
FORKS = re.compile(r"\bos\.(fork|forkpty|posix_spawn|system|popen)\b|create_subprocess_(exec|shell)")


@pytest.mark.parametrize("package", sorted(SERVERS | {"directflow_runtime"}))
def test_no_service_starts_a_process(package: str) -> None:
    offenders = {
        label(path)
        for path in modules(package)
        if roots(path) & {"subprocess", "multiprocessing", "pty"} or FORKS.search(path.read_text())
    }
    assert offenders == set()


def test_a_test_that_starts_processes_from_its_loop_has_pythons_own() -> None:
    """uvloop forks, and runs Python in the child."""
    starting = [path for path in (ROOT / "tests").rglob("test_*.py") if "create_subprocess_exec(" in path.read_text()]
    mine = [str(path.relative_to(ROOT)) for path in starting if path != Path(__file__)]
    assert mine
    assert [path for path in mine if not path.startswith(ON_PYTHONS_LOOP)] == []
