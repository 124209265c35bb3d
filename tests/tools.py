"""What `scripts/make_tools` has built or unpacked on this machine, outside of the checkout."""

import os
from pathlib import Path

import pytest

REQUIRED = "DIRECTFLOW_TOOLS_REQUIRED"
"""Set where a test that skips for want of a tool would hide something: in CI."""


def tool(place: str, made_by: str = "make tools", required: str = REQUIRED) -> Path:
    """The tool at `place` in the tools' cache. Skips where nobody has made it; fails where the variable `required` says
    that somebody was to."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    tools = Path(os.environ.get("DIRECTFLOW_TOOLS") or cache / "directflow" / "tools")
    if not (tools / place).exists():
        missing(f"no {place} in {tools}: `{made_by}` puts it there", required)
    return tools / place


def missing(what: str, required: str = REQUIRED) -> None:
    """Skips and says why; fails where that is required."""
    if os.environ.get(required):
        pytest.fail(what)
    pytest.skip(what)
