"""Prometheus' own judge of rules, where `make tools` has put it."""

from pathlib import Path

import pytest

from ..tools import tool


@pytest.fixture(scope="session")
def promtool() -> Path:
    return tool("promtool/promtool")
