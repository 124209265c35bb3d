"""The runbook knows every alert and every reason of an error, and nothing that does not exist."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from directflow.conditions.v1 import errors_pb2 as conditions
from directflow.gateway.v1 import errors_pb2 as gateway
from directflow.segments.v1 import errors_pb2 as segments
from directflow_cli.app import build
from directflow_cli.traces import wording
from directflow_gateway import telemetry_names as of_gateway
from directflow_gateway.pools import breaker, failures
from directflow_runtime import telemetry_names as of_runtime
from directflow_runtime.metrics import names as metrics
from typer.testing import CliRunner

from tests.observability import deployment

TRACING = deployment.ROOT / "docs" / "tracing.md"
ENUMS = (conditions.ErrorReason, gateway.ErrorReason, segments.ErrorReason)
WHO = {
    "on call", "operator", "DBA", "author", "caller", "Vault's administrator", "keeper", "developer",
}  # fmt: skip
ENTRY = re.compile(r"^### (\S+)\n(.*?)(?=^###? |\Z)", re.DOTALL | re.MULTILINE)
NO_NAMES_OF_OURS = {"directflow_database", "rpc_method"}
"""A section of the settings, and a label."""
INDEX = "scripts/generate_runbook_index"
LINK = re.compile(r"\]\(([^)\s]+)\)")


def entries() -> dict[str, str]:
    return dict(ENTRY.findall(deployment.RUNBOOK.read_text()))


def reasons() -> set[str]:
    names = {name.removeprefix("ERROR_REASON_") for enum in ENUMS for name in enum.keys()}  # noqa: SIM118 (no mapping)
    return names - {"UNSPECIFIED"}


def test_every_alert_and_every_reason_has_an_entry_and_no_entry_is_of_something_else() -> None:
    alerts = {rule["alert"] for rule in deployment.rules()}
    assert set(entries()) == alerts | reasons()


def test_nothing_has_two_entries() -> None:
    headings = deployment.headings(deployment.RUNBOOK)
    assert len(headings) == len(set(headings))


@pytest.mark.parametrize("name", sorted(entries()))
def test_an_entry_says_what_it_means_how_to_confirm_it_and_who_does_what(name: str) -> None:
    entry = entries()[name]
    leads = re.findall(r"^\* \*\*(\w+)\*\*", entry, flags=re.MULTILINE)
    assert leads == ["Means", "Confirm", "Do"]
    (who,) = re.findall(r"^\* \*\*Do\*\* \(([^)]*)\): \S", entry, flags=re.MULTILINE)
    assert who in WHO
    assert len(entry.split()) < 110, "an SRE reads it at night"


def test_everybody_who_is_to_do_something_is_introduced() -> None:
    introduced = deployment.RUNBOOK.read_text().partition("**Who does it**")[2].partition("\n\n")[0]
    assert {who for who in WHO if f"**{who}**" in " ".join(introduced.split())} == WHO


def test_what_it_and_the_alert_say_of_the_breaker_is_what_that_does() -> None:
    entry = " ".join(entries()["DirectFlowBreakerOpen"].split())
    assert breaker.FAILURES == 5
    assert breaker.PROBE_S == 1.0
    assert "five times in a row, or refused the login or the role once" in entry
    assert "one login a second" in entry
    assert f"{breaker.REFUSED_S:g} s later, then 60 s, up to {breaker.LONGEST_REFUSED_S:g} s" in entry
    (alert,) = (rule for rule in deployment.rules() if rule["alert"] == "DirectFlowBreakerOpen")
    assert (
        f"every {breaker.REFUSED_S:g} to {breaker.LONGEST_REFUSED_S:g} seconds" in alert["annotations"]["description"]
    )


def test_the_wait_for_admission_leads_to_the_budgets_that_make_it() -> None:
    (row,) = (row for row in deployment.RUNBOOK.read_text().splitlines() if row.startswith("| span `admission`"))
    assert LINK.findall(row) == ["#directflowbudgetexhausted"]


def test_the_link_of_every_alert_leads_to_its_entry() -> None:
    for rule in deployment.rules():
        path, _, fragment = rule["annotations"]["runbook_url"].partition("#")
        assert deployment.ROOT / path == deployment.RUNBOOK
        assert fragment == deployment.anchor(rule["alert"])


def test_the_index_is_the_one_that_is_generated() -> None:
    script = deployment.ROOT / INDEX
    ended = subprocess.run([sys.executable, script, "--check"], capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, f"run {INDEX}"


PAGES = [
    deployment.RUNBOOK, TRACING, deployment.ROOT / "docs" / "dba.md", deployment.DEPLOYMENT / "README.md",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if "://" in target:
            continue
        path, _, fragment = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if fragment:
            assert fragment in map(deployment.anchor, deployment.headings(there)), target


def known() -> set[str]:
    """Attributes and metrics that exist, with every family of attributes that is spelled with what ends it."""
    attributes = {
        value for module in (of_runtime, of_gateway) for value in vars(module).values() if isinstance(value, str)
    }
    forms = {f"{of_gateway.TUPLES_BY_FORM}.{form}" for form in ("single", "lateral", "join", "semi_join")}
    labels = {f"{of_runtime.BAGGAGE}.flow"}  # the page's example of a key
    return attributes | forms | labels | set(deployment.exported()) | {one.prometheus for one in metrics.ALL}


def told(page: Path) -> Iterator[str]:
    for code in re.findall(r"`([^`\n]+)`", page.read_text()):
        names = re.findall(r"\b(?:directflow|rpc|db)[._][a-z0-9_.]*[a-z0-9_]\b", code)
        yield from (name for name in names if name not in NO_NAMES_OF_OURS)


@pytest.mark.parametrize("page", [deployment.RUNBOOK, TRACING], ids=lambda page: page.name)
def test_it_names_only_attributes_and_metrics_that_exist(page: Path) -> None:
    assert [name for name in told(page) if name not in known()] == []


def test_the_words_beside_a_bar_are_of_attributes_that_exist() -> None:
    assert [name for _, name, _ in wording._DETAILS if name not in known()] == []


def commands() -> list[str]:
    """`directflow ...` in code, up to the first argument or option."""
    code = [text for page in PAGES for text in re.findall(r"`(directflow [^`\n]+)`", page.read_text())]
    return sorted({re.split(r" (?=[A-Z-])", text)[0] for text in code})


@pytest.mark.parametrize("command", commands())
def test_every_command_exists(command: str) -> None:
    words = command.split()[1:]
    told = CliRunner().invoke(build(words), [*words, "--help"])
    assert told.exit_code == 0, told.output


LINES = re.findall(r"(?:log lines?(?: with)?|log,)\s+`([a-zD][^`]+)`", deployment.RUNBOOK.read_text())
SPANS = {"admission", "pool acquire", "connect", "begin", "compile", "describe", "vault read"}


def sources() -> str:
    return "\n".join(path.read_text() for path in (deployment.ROOT / "services").rglob("*.py"))


def test_every_log_line_that_it_quotes_is_one_that_services_write() -> None:
    written = sources()
    assert len(LINES) >= 8
    assert [line for line in LINES if f'"{line}"' not in written] == []


def test_every_span_that_it_names_is_one_that_services_make() -> None:
    told = set(re.findall(r"spans? `([a-z ]+)`(?:, `([a-z ]+)`)?", deployment.RUNBOOK.read_text()))
    assert {name for pair in told for name in pair if name} == SPANS
    written = sources()
    assert [name for name in SPANS if f'"{name}"' not in written.replace('f"vault {operation}"', '"vault read"')] == []


def test_every_cause_of_an_unreachable_database_that_it_names_exists() -> None:
    causes = entries()["DATABASE_UNREACHABLE"].partition("`connect`:")[2].partition(";")[0]
    named = re.findall(r"\b[A-Z]{3,}(?:_[A-Z]+)*\b", causes)
    assert len(named) > 5
    assert set(named) <= {*failures._WHAT_TO_DO, "REFUSED"}
