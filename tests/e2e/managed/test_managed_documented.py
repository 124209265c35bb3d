"""What docs/calling.md shows of defining, as it stands there: it prints what the page says that it prints."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow_cli.definitions.kinds import CONDITION

PAGE = Path(__file__).parents[3] / "docs" / "calling.md"
PROGRAM_S = 60


@pytest.fixture
def section(platform: Any) -> Iterator[str]:
    """The section "Defining"; what it saves is gone afterwards."""
    yield PAGE.read_text().partition("\n## Defining\n")[2].partition("\n## ")[0]
    with grpc.insecure_channel(platform.services["conditions"].address) as channel:
        name = CONDITION.full_name("demo", "is_new")
        CONDITION.stub(channel).DeleteCondition(CONDITION.request("Delete")(name=name), timeout=PROGRAM_S)


def test_the_program_that_defines_prints_what_the_page_says(platform: Any, section: str) -> None:
    program, printed = re.findall(r"```(?:python)?\n(.*?)```", section, re.DOTALL)
    program = program.replace("127.0.0.1:7402", platform.services["conditions"].address)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PROGRAM_S)
    assert ran.stdout == printed, ran.stderr
