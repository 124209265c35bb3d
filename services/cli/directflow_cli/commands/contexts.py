"""Named contexts of the configuration file: where the services are, and as whom and in what form one talks to them.

In `$DIRECTFLOW_CONFIG`, else `$XDG_CONFIG_HOME/directflow/config.toml`, else `~/.config/directflow/config.toml`. What a
flag says comes first, then the environment, then the context. Only without a context it is the `directflow dev` that
runs: whoever chose production must not end up at a demo because a line is missing.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Final, Literal

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from directflow_cli.commands.options import OutputFormat
from directflow_cli.dev import state

FILE_VARIABLE: Final = "DIRECTFLOW_CONFIG"
DEV: Final = "dev"
"""The context that is always there: none, which is the `directflow dev` that runs."""
MAX_BYTES: Final = 1024 * 1024

_named: ContextVar[str] = ContextVar("named", default="")
"""The --context of the command that runs."""


class Context(BaseModel):
    """One context. What it leaves out is asked elsewhere. No secret is in it: a TLS key is a file's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gateway: str = ""
    """host:port, as are the next two."""
    segments: str = ""
    conditions: str = ""
    workspace: str = ""
    output: OutputFormat | None = None
    tls_directory: Path | None = None
    """Holds tls.crt, tls.key and ca.crt, as cert-manager writes them; the next three name other files."""
    tls_certificate_file: Path | None = None
    tls_key_file: Path | None = None
    tls_ca_file: Path | None = None
    server_names: Mapping[Literal["gateway", "segments", "conditions"], str] = Field(default_factory=dict)
    """What the services' certificates are made out to, where that is not the host of the address: port forwarding."""
    allow_plaintext_beyond_loopback: bool = False


class Contexts(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    current: str = ""
    """The context that commands use; empty: DEV."""
    contexts: Mapping[str, Context] = Field(default_factory=dict)


def file() -> Path:
    """Where the configuration is, or would be."""
    if chosen := os.environ.get(FILE_VARIABLE):
        return Path(chosen)
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())
    return home / "directflow" / "config.toml"


def read() -> Contexts:
    """The file; an empty one where there is none. BadParameter, naming file and key, where it cannot be used."""
    path = file()
    try:
        with path.open("rb") as stream:
            return Contexts.model_validate(tomllib.loads(stream.read(MAX_BYTES).decode()))
    except (FileNotFoundError, NotADirectoryError):
        return Contexts()
    except OSError as problem:
        raise typer.BadParameter(f"{path} cannot be read: {problem.strerror}") from None
    except ValidationError as problem:
        raise typer.BadParameter(f"{path}: {'; '.join(_violations(problem))}") from None
    except ValueError as problem:  # UnicodeDecodeError and TOMLDecodeError, which names line and column
        raise typer.BadParameter(f"{path}: {problem}") from None


def choose(name: str) -> None:
    """Makes `name` the context of this command; empty: the file's current one. BadParameter where there is none."""
    _named.set(name)


def active() -> Context | None:
    """The context that holds now; None where none does."""
    if state.is_pinned():
        return None  # the journey of `directflow dev` walks through its own run
    found = read()
    name = _named.get() or found.current
    if name in ("", DEV):
        return None
    if name not in found.contexts:
        raise typer.BadParameter(f"there is no context {name} in {file()}: it has {', '.join([DEV, *found.contexts])}")
    return found.contexts[name]


def use(name: str) -> None:
    """Makes a context the current one; with DEV none. The rest of the file stays as it is, comments too."""
    path, line = file(), f"current = {json.dumps('' if name == DEV else name)}"
    lines = path.read_text().splitlines() if path.exists() else []
    tables = next((at for at, text in enumerate(lines) if text.lstrip().startswith("[")), len(lines))
    kept = [text for at, text in enumerate(lines) if at >= tables or not _is_current(text)]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.new")
    draft.write_text("\n".join([line, *kept]) + "\n")
    draft.replace(path)


def _is_current(line: str) -> bool:
    return line.partition("=")[0].strip() in ("current", '"current"')


def _violations(problem: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in problem.errors()]
