"""What the image says of itself, and what it keeps to itself."""

import os
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from .container import USER, Image

ROOT = Path(__file__).resolve().parents[2]
LABELS = "org.opencontainers.image."
EVERYBODYS = {"localhost", "pypi.org", "files.pythonhosted.org", "deb.debian.org"}


def test_the_user_is_a_number_so_that_kubernetes_can_see_that_it_is_not_root(image: Image) -> None:
    assert image.config["User"] == f"{USER}:{USER}"


def test_the_command_chooses_the_service(image: Image) -> None:
    assert not image.config.get("Entrypoint")
    assert image.config["StopSignal"] == "SIGTERM"


def test_labels_say_which_version_of_which_commit_it_is(image: Image) -> None:
    labels = image.config["Labels"]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert labels[f"{LABELS}version"] == version
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", labels[f"{LABELS}revision"])
    assert labels[f"{LABELS}licenses"] == "Apache-2.0"
    assert labels[f"{LABELS}source"]


def test_nothing_in_it_names_the_machine_that_built_it(image: Image) -> None:
    machine = machines_own()
    described = str(image.described)
    assert [name for name in machine if name in described] == []
    # Python's own documentation and tests say pypi.org; what is searched for is what only this machine knows.
    pattern = re.compile(b"|".join(re.escape(name.encode()) for name in machine))
    found = {
        str(path.relative_to(image.root)): hit.group()
        for path in image.files()
        if (hit := pattern.search(path.read_bytes()))
    }
    assert found == {}


def machines_own() -> list[str]:
    """Its name, this checkout, and where its package managers go to."""
    hosts = {socket.gethostname(), *index_hosts(), *apt_hosts()} - EVERYBODYS
    return [name for name in (str(ROOT), *hosts) if len(name) > 4]


def index_hosts() -> Iterator[str]:
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    variables = " ".join(value for name, value in os.environ.items() if "INDEX" in name or "proxy" in name.lower())
    yield from re.findall(r"//(?:[^/@\s]*@)?([^/:'\s]+)", said + " " + variables)


def apt_hosts() -> Iterator[str]:
    for file in (*Path("/etc/apt").glob("sources.list"), *Path("/etc/apt/sources.list.d").glob("*")):
        for line in file.read_text().splitlines():
            if not line.startswith("#"):
                yield from re.findall(r"https?://([^/:\s]+)", line)


@pytest.mark.parametrize("name", ["PYTHONPATH", "PIP_INDEX_URL", "LD_LIBRARY_PATH"])
def test_its_environment_leads_nowhere_else(image: Image, name: str) -> None:
    assert not any(variable.startswith(f"{name}=") for variable in image.config["Env"])
