"""`directflow test`: definitions on rows of their author's, without any customer's data."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer
from directflow_runtime.errors import DirectFlowError

from directflow_cli.commands.definition_session import Files
from directflow_cli.commands.endpoints import Service
from directflow_cli.commands.engagement.events import NoEvent
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.failures import lines_of
from directflow_cli.commands.printable import printable
from directflow_cli.commands.session import conversations, tell
from directflow_cli.definition_tests.bench import Suite, bench, run
from directflow_cli.definition_tests.case_file import read
from directflow_cli.definition_tests.selection import needed
from directflow_cli.definitions.files import sources, test_sources
from directflow_cli.definitions.finding_text import finding_lines
from directflow_cli.definitions.manifests import Manifest, read_all
from directflow_cli.definitions.places import Finding, Place
from directflow_cli.dev.postgres_binaries import PostgresUnavailable, choose
from directflow_cli.dev.processes import ServiceFailed
from directflow_cli.dev.psql import PsqlFailed

POSTGRES_VARIABLE: Final = "DIRECTFLOW_TEST_POSTGRES"


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command("test")(run_tests)


def run_tests(
    file: Files,
    postgres: Annotated[
        str, typer.Option(envvar=POSTGRES_VARIABLE, help="embedded, system, or with -first behind it.")
    ] = "embedded-first",
) -> None:
    """Runs the *.test.yaml files beside definitions, on a PostgreSQL and services that are gone afterwards.

    Exit code 1: a test failed; 4: a definition or a test file is wrong.

    Example: directflow test -f definitions/
    """
    suites = _suites(file)
    try:
        with bench(choose(postgres), suites) as at:

            async def work(channels: Mapping[Service, Any]) -> ExitCode:
                for suite in suites:
                    await run(suite, at, channels)
                return ExitCode.OK

            asyncio.run(conversations(at.targets, "test", work))
    except (PostgresUnavailable, PsqlFailed, ServiceFailed) as problem:
        tell(f"error: {problem}")
        raise typer.Exit(ExitCode.INVALID if isinstance(problem, PsqlFailed) else ExitCode.UNAVAILABLE) from None
    except NoEvent as problem:
        tell(f"error: an event of the tests: {problem}")
        raise typer.Exit(ExitCode.INVALID) from None
    except DirectFlowError as error:
        tell("\n".join(lines_of(error)))
        raise typer.Exit(ExitCode.DEFECT) from None
    raise typer.Exit(_report(suites))


def _suites(paths: list[str]) -> list[Suite]:
    """Every test file with what it needs. Ends the process with INVALID, all mistakes told, where one is wrong."""
    definitions = sources(paths)
    suites: list[Suite] = []
    findings: list[Finding] = []
    for number, source in enumerate(test_sources(paths), 1):
        workspace = f"test{number}"
        file, known = read(source), read_all(definitions, workspace)
        findings += [] if findings else known.findings  # the same for each test file
        if isinstance(file, list):
            findings += file
            continue
        chosen = needed(file, workspace, known.manifests)
        findings += [one for one in chosen if isinstance(one, Finding)]
        suites.append(Suite(file, workspace, [one for one in chosen if isinstance(one, Manifest)]))
    if findings:
        tell("\n".join(finding_lines(findings)))
        raise typer.Exit(ExitCode.INVALID)
    return suites


def _report(suites: list[Suite]) -> ExitCode:
    """Says what differs; the exit code that belongs to it."""
    broken = [suite for suite in suites if suite.applied is not None and suite.applied.exit_code]
    for suite in broken:
        tell("\n".join(finding_lines(suite.applied.all_findings if suite.applied else [])))
    failed = passed = 0
    for suite in suites:
        for place, differences in zip(suite.file.places, suite.differences, strict=False):
            failed, passed = failed + bool(differences), passed + (not differences)
            sys.stdout.write("".join(f"{line}\n" for line in _lines(place, differences)))
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    if broken:
        return max(ExitCode(suite.applied.exit_code) for suite in broken if suite.applied)
    return ExitCode.NEGATIVE if failed else ExitCode.OK


def _lines(place: Place, differences: list[str]) -> Iterator[str]:
    if differences:
        yield f"{printable(place.label)}: failed: {place.source.lines[place.line - 1].strip().removeprefix('- ')}"
        yield from (f"    {printable(difference)}" for difference in differences)
