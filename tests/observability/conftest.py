"""Prometheus' own judge of rules, where `make tools` has put it."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Skips where nobody has, and fails where somebody was to."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    tools = Path(os.environ.get("DIRECTFLOW_TOOLS") or cache / "directflow" / "tools")
    found = tools / "promtool" / "promtool"
    if not found.exists():
        message = f"no promtool at {found}: `make tools` puts it there"
        if os.environ.get("DIRECTFLOW_TOOLS_REQUIRED"):
            pytest.fail(message)
        pytest.skip(message)
    return found
