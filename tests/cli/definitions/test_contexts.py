"""Contexts: a flag beats the environment, the environment beats the file, and every command obeys all three."""

from pathlib import Path

import pytest
from directflow_cli.definitions.manifests import read_all
from directflow_cli.definitions.places import Source

from .conftest import Directflow, Shelf
from .texts import ENGAGEMENT

ENDPOINTS = ("DIRECTFLOW_GATEWAY", "DIRECTFLOW_SEGMENTS", "DIRECTFLOW_CONDITIONS", "DIRECTFLOW_WORKSPACE")


@pytest.fixture
def file(directflow: Directflow, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with two contexts; the environment says nothing. `staging` is the current one."""
    for name in ENDPOINTS:
        monkeypatch.delenv(name)
    path = Path(".config.toml")
    path.write_text(
        '# mine\ncurrent = "staging"\n\n'
        f'[contexts.staging]\nconditions = "{shelf.address}"\nworkspace = "acme"\noutput = "jsonl"\n\n'
        f'[contexts.production]\nconditions = "{shelf.address}"\nworkspace = "prod"  # careful\n'
    )
    for workspace in ("acme", "prod", "third"):
        shelf.put(
            read_all([Source("x.yaml", ENGAGEMENT.replace("has_left", f"in_{workspace}"))], workspace)
            .manifests[0]
            .message
        )
    return path


def listed(directflow: Directflow, *arguments: str) -> str:
    ran = directflow(*arguments)
    assert ran.code == 0, ran.err
    return str(ran.lines[0]["id"]) if ran.out.startswith("{") else ran.out


def test_the_current_context_says_where_and_how(file: Path, directflow: Directflow) -> None:
    assert listed(directflow, "list", "conditions") == "in_acme"


def test_another_context_by_flag_or_environment(
    file: Path, directflow: Directflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "in_prod" in listed(directflow, "--context", "production", "list", "conditions")
    monkeypatch.setenv("DIRECTFLOW_CONTEXT", "production")
    assert "in_prod" in listed(directflow, "list", "conditions")
    assert "in_acme" in listed(directflow, "--context", "staging", "list", "conditions")


def test_the_environment_beats_the_context_and_a_flag_beats_both(
    file: Path, directflow: Directflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIRECTFLOW_WORKSPACE", "prod")
    assert listed(directflow, "list", "conditions") == "in_prod"
    assert listed(directflow, "list", "conditions", "-w", "third") == "in_third"
    assert directflow("list", "conditions", "-o", "json").json[0]["id"] == "in_prod"


def test_documents_belong_to_the_workspace_of_the_context(file: Path, directflow: Directflow, shelf: Shelf) -> None:
    Path("x.yaml").write_text(ENGAGEMENT)
    assert directflow("--context", "production", "diff", "-f", "x.yaml").code == 1
    Path("x.yaml").write_text(ENGAGEMENT.replace("has_left", "in_prod"))
    assert directflow("--context", "production", "diff", "-f", "x.yaml").code == 0


def test_a_service_that_the_context_does_not_name_is_asked_for(file: Path, directflow: Directflow) -> None:
    ran = directflow("list", "connections")
    assert ran.code == 2
    assert "where is gateway?" in ran.err


def test_use_changes_one_line_and_dev_is_none(file: Path, directflow: Directflow) -> None:
    assert directflow("context", "use", "production").code == 0
    assert listed(directflow, "list", "conditions", "-o", "jsonl") == "in_prod"
    assert "# mine" in file.read_text()
    assert "# careful" in file.read_text()
    assert directflow("context", "use", "dev").code == 0
    assert directflow("list", "conditions").code == 2
    assert directflow("context", "use", "nowhere").code == 2


def test_list_and_show_say_what_holds(file: Path, directflow: Directflow) -> None:
    found = directflow("context", "list", "-o", "json").json
    assert [(one["name"], one["current"]) for one in found] == [
        ("dev", False),
        ("staging", True),
        ("production", False),
    ]
    assert directflow("--context", "production", "context", "show", "-o", "json").json["workspace"] == "prod"


@pytest.mark.parametrize("text", ["current = 3", "[contexts.a]\ngatway = 'x'", "not toml", 'current = "gone"'])
def test_a_file_that_cannot_be_used_is_named(directflow: Directflow, text: str) -> None:
    Path(".config.toml").write_text(text)
    ran = directflow("list", "conditions")
    assert ran.code == 2
    assert ".config.toml" in ran.err.replace("\n", "")


def test_tls_files_of_a_context_are_used(file: Path, directflow: Directflow) -> None:
    file.write_text(file.read_text().replace('workspace = "acme"', 'workspace = "acme"\ntls_ca_file = "ca.pem"'))
    ran = directflow("list", "conditions")
    assert ran.code == 2
    assert "TLS needs all of" in ran.err


def test_a_directory_of_certificates_stands_for_the_three_files(file: Path, directflow: Directflow) -> None:
    file.write_text(file.read_text().replace('workspace = "acme"', 'workspace = "acme"\ntls_directory = "certs"'))
    ran = directflow("list", "conditions")
    assert ran.code == 2
    assert "certs/tls.crt: No such file" in ran.err.replace("\n", "").replace("│", "").replace("  ", "")


def test_nothing_goes_beyond_this_machine_in_plaintext_unless_that_is_said(
    file: Path, directflow: Directflow, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(file.read_text().replace(shelf.address, "conditions.invalid:1"))
    ran = directflow("list", "conditions")
    assert ran.code == 2
    assert "is beyond this machine" in ran.err
    monkeypatch.setenv("DIRECTFLOW_ALLOW_PLAINTEXT_BEYOND_LOOPBACK", "1")
    assert directflow("list", "conditions").code == 5


def test_the_walk_of_directflow_dev_stays_in_its_own_run(file: Path, directflow: Directflow, shelf: Shelf) -> None:
    from directflow_cli.dev.state import DevState, pinned

    run = DevState("/nowhere", 1, "third", shelf.address, shelf.address, shelf.address, "127.0.0.1:1")
    with pinned(run):
        assert directflow("list", "conditions", "-o", "json").json[0]["id"] == "in_third"
