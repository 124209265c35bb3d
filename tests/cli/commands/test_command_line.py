"""Which part of the command line is built for what was typed."""

import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
import typer
from directflow_cli.app import PROVIDERS, build
from typer.testing import CliRunner


def commands_of(app: typer.Typer) -> list[str]:
    group: Any = typer.main.get_command(app)
    return list(group.commands)


@pytest.mark.parametrize(("module", "commands"), PROVIDERS.items())
def test_a_module_provides_just_the_commands_that_are_listed(module: str, commands: tuple[str, ...]) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    import_module(module).register(app)
    assert sorted(commands_of(app)) == sorted(commands)


@pytest.mark.parametrize(
    "line",
    [
        ["segment", "list"],
        ["--context", "audience", "segment", "list"],
        ["--context=audience", "segment"],
        ["segment", "--context", "x"],
    ],
)
def test_a_named_command_comes_alone(line: list[str]) -> None:
    assert commands_of(build(line)) == ["segment"]


@pytest.mark.parametrize(
    "line", [[], ["--help"], ["-h", "segment"], ["--context"], ["--context", "x"], ["segmnt"], ["--unknown", "segment"]]
)
def test_else_everything_is_there(line: list[str]) -> None:
    everything = [command for commands in PROVIDERS.values() for command in commands]
    assert sorted(commands_of(build(line))) == sorted(everything)


@pytest.mark.parametrize("command", [command for commands in PROVIDERS.values() for command in commands])
def test_a_command_alone_says_the_same_of_itself_as_among_all(command: str) -> None:
    alone = CliRunner().invoke(build([command]), [command, "--help"])
    assert alone.exit_code == 0
    assert alone.output == CliRunner().invoke(build(), [command, "--help"]).output


@pytest.mark.parametrize("line", ["segment list --help", "condition evaluate --help", "audience preview --help"])
def test_commands_that_write_no_file_import_no_arrow(line: str) -> None:
    program = (
        "import sys; from directflow_cli.__main__ import main\n"
        "try:\n    main()\nfinally:\n    print(sorted({'pyarrow', 'numpy'} & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program, *line.split()], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr.strip()) == (0, "[]")
