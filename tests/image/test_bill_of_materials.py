"""What the image says it is made of."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .container import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def components(image: Image) -> dict[str, dict[str, Any]]:
    """By package URL."""
    said = subprocess.run(
        [sys.executable, ROOT / "scripts" / "image_sbom", image.root], capture_output=True, check=True
    )
    bill = json.loads(said.stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    return {one["purl"]: one for one in bill["components"]}


def test_it_names_every_package_of_the_lock_file_and_us(components: dict[str, dict[str, Any]]) -> None:
    locked = re.findall(r"^([a-z0-9-]+)==(\S+) \\", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked
    assert [one for one in locked if "pkg:pypi/{}@{}".format(*one) not in components] == []
    assert any(purl.startswith("pkg:pypi/directflow@") for purl in components)


def test_it_names_what_debian_patches(components: dict[str, dict[str, Any]]) -> None:
    debian = {one["name"] for purl, one in components.items() if purl.startswith("pkg:deb/debian/")}
    assert {"libc6", "libssl3", "base-files"} <= debian
