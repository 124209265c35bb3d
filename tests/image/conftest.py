"""The image, built once for all of these tests: `make image-test`. It needs root, buildah and runc."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tools import missing

from .container import Container, Image, buildah, mounted

ROOT = Path(__file__).resolve().parents[2]
NAME = "localhost/directflow/image-test:latest"
GIVEN = "DIRECTFLOW_IMAGE"
"""An image that has been built already, by its name in buildah's store."""
BASE = "DIRECTFLOW_IMAGE_BASE"
OWN_BASE = "localhost/directflow/base:bookworm"
PROGRAMS = ("buildah", "runc")
BUILD_S = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` leaves them out: they need root, and minutes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.image)


@pytest.fixture(scope="session")
def build() -> Callable[[str], str]:
    """Builds the working tree under a name, without the network where the wheels are there already; the image's id."""
    _require_programs()

    def built(name: str) -> str:
        base = os.environ.get(BASE)
        if not base:
            subprocess.run([ROOT / "scripts" / "image_base", OWN_BASE], timeout=BUILD_S, check=True)
        command = [ROOT / "scripts" / "image_build", "--base", base or OWN_BASE, "--wheels", "--tag", name]
        environment = {**os.environ, "PYTHON": sys.executable}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=BUILD_S, check=True)
        return done.stdout.split()[-1]

    return built


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest) -> Iterator[Image]:
    """The image under test."""
    _require_programs()
    if given := os.environ.get(GIVEN):
        with mounted(given) as found:
            yield found
        return
    request.getfixturevalue("build")(NAME)
    with mounted(NAME) as found:
        yield found
    buildah("rmi", NAME)


@pytest.fixture
def run(image: Image, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a command in a container of the image, to its end."""

    def ran(*arguments: str, **options: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        return Container(image, tmp_path / "container", list(arguments), **options).run()

    return ran


def _require_programs() -> None:
    for program in PROGRAMS:
        if shutil.which(program) is None:
            missing(f"no {program} on this machine: apt-get install buildah runc mmdebstrap")
    if os.geteuid() != 0:
        missing("the image is built and its containers are started as root")
