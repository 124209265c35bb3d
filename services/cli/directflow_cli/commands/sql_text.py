"""SQL that a command is given: in a file, on stdin, or on the command line itself."""

import sys
from pathlib import Path

import typer


def sql_text(file: Path | None, sql: str) -> str:
    """The author's text, byte for byte. Exactly one of the two must be given; `-` is stdin."""
    if (file is None) == (not sql):
        raise typer.BadParameter("give a file, or --sql")
    if file is None:
        return sql
    try:
        # Bytes: universal newlines would change the author's text, and with it every position.
        return (sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read as UTF-8: {type(error).__name__}") from None
