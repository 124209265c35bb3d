"""The files that `-f` names: one, a whole directory, or stdin."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import typer

from directflow_cli.definitions.places import Source

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
SCHEMA_SUFFIX: Final = ".schema.json"
"""What editors read beside the definitions is none."""
MAX_BYTES: Final = 4 * 1024 * 1024
"""Of one file."""
MAX_FILES: Final = 10_000


def sources(paths: list[str]) -> list[Source]:
    """Their texts, in the order of the names. BadParameter where one cannot be read, or there is none at all."""
    found = [source for path in paths for source in _sources(path)]
    if not found:
        raise typer.BadParameter(f"no definitions (*.yaml, *.yml, *.json) in {', '.join(paths)}")
    return found


def _sources(path: str) -> Iterator[Source]:
    if path == "-":
        yield Source("<stdin>", _text("<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1)))
        return
    given = Path(path)
    for file in _under(given) if given.is_dir() else [given]:
        try:
            with file.open("rb") as stream:
                yield Source(str(file), _text(str(file), stream.read(MAX_BYTES + 1)))
        except OSError as problem:
            raise typer.BadParameter(f"{file} cannot be read: {problem.strerror}") from None


def _under(directory: Path) -> list[Path]:
    """Files below the directory by name; hidden ones, and what lies in hidden folders, are left out."""
    found = []
    for file in directory.rglob("*"):
        inner = file.relative_to(directory)
        if file.suffix in SUFFIXES and not file.name.endswith(SCHEMA_SUFFIX) and not _hidden(inner) and file.is_file():
            found.append(file)
        if len(found) > MAX_FILES:
            raise typer.BadParameter(f"more than {MAX_FILES:,} files in {directory}")
    return sorted(found)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _text(name: str, content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise typer.BadParameter(f"{name} is larger than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        return content.decode("utf-8-sig")  # editors on Windows write a mark at the beginning
    except UnicodeDecodeError as problem:
        raise typer.BadParameter(f"{name} is not UTF-8: byte {problem.start}") from None
