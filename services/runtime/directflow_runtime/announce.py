"""Tells whoever started this process where it listens: ports are often chosen by the system."""

import json
import os
from pathlib import Path


def announce(file: Path, *, service: str, port: int, health_port: int) -> None:
    """Writes the JSON file in one step: a reader sees all of it or none."""
    said = {"service": service, "pid": os.getpid(), "port": port, "health_port": health_port}
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(said), encoding="utf-8")
    draft.replace(file)


def withdraw(file: Path) -> None:
    """Removes our announcement, and nobody else's."""
    try:
        ours = json.loads(file.read_text(encoding="utf-8")).get("pid") == os.getpid()
    except (OSError, ValueError):
        return
    if ours:
        file.unlink(missing_ok=True)
