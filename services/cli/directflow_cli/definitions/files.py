"""The files that `-f` names: one, a whole directory, or stdin."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import typer

from directflow_cli.definitions.places import Source

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
TEST_SUFFIXES: Final = (".test.yaml", ".test.yml", ".test.json")
NO_DEFINITIONS: Final = (".schema.json", *TEST_SUFFIXES)
"""What editors and `directflow test` read beside the definitions."""
MAX_BYTES: Final = 4 * 1024 * 1024
"""Of one file."""
MAX_FILES: Final = 10_000


def sources(paths: list[str]) -> list[Source]:
    """Their texts, in the order of the names. BadParameter where one cannot be read, or there is none at all."""
    found = [source for path in paths for source in _sources(path, _is_definition)]
    if not found:
        raise typer.BadParameter(f"no definitions (*.yaml, *.yml, *.json) in {', '.join(paths)}")
    return found


def test_sources(paths: list[str]) -> list[Source]:
    """As `sources`, of the test files beside the definitions."""
    found = [source for path in paths for source in _sources(path, lambda file: file.name.endswith(TEST_SUFFIXES))]
    if not found:
        raise typer.BadParameter(f"no tests (*{', *'.join(TEST_SUFFIXES)}) in {', '.join(paths)}")
    return found


def _is_definition(file: Path) -> bool:
    return file.suffix in SUFFIXES and not file.name.endswith(NO_DEFINITIONS)


def _sources(path: str, wanted: Callable[[Path], bool]) -> Iterator[Source]:
    if path == "-":
        yield Source("<stdin>", _text("<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1)))
        return
    given = Path(path)
    for file in _under(given, wanted) if given.is_dir() else [given]:
        try:
            with file.open("rb") as stream:
                yield Source(str(file), _text(str(file), stream.read(MAX_BYTES + 1)))
        except OSError as problem:
            raise typer.BadParameter(f"{file} cannot be read: {problem.strerror}") from None


def _under(directory: Path, wanted: Callable[[Path], bool]) -> list[Path]:
    """Files below the directory by name; hidden ones, and what lies in hidden folders, are left out."""
    found = []
    for file in directory.rglob("*"):
        inner = file.relative_to(directory)
        if wanted(file) and not _hidden(inner) and file.is_file():
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
